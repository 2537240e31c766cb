package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/dataplane"
)

// Limits protect the edge from its clients. Bodies are bounded by the data plane.
type Limits struct {
	Header   int           // bytes of a request's head
	HeadTime time.Duration // for a head, and the TLS handshake before it
	Idle     time.Duration // how long a connection is kept between two requests
	// WriteStall is how long a client may take nothing of its answer; then its
	// connection is cut, and in HTTP/2 the one stream if it is but this.
	WriteStall time.Duration
	// Connections is how many are served at once; more are closed.
	Connections int
}

// Server is the edge. Make one with New.
type Server struct {
	limits    Limits
	open      atomic.Int64 // connections
	http      *http.Server
	transport *http.Transport
}

// New returns a server that passes every request on over the link.
func New(certificate *Certificate, link *Link, limits Limits) *Server {
	s := &Server{limits: limits, transport: &http.Transport{
		DialContext:         func(ctx context.Context, _, _ string) (net.Conn, error) { return link.Dial(ctx) },
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     limits.Idle / 2, // so that it is never the data plane that closes first
		DisableCompression:  true,
	}}
	s.http = &http.Server{
		Handler: s.paced(&httputil.ReverseProxy{
			Rewrite: rewrite, Transport: s.transport, FlushInterval: -1,
			ErrorHandler: broken, ErrorLog: log.New(io.Discard, "", 0),
		}),
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: certificate.get, NextProtos: []string{"h2", "http/1.1"}},
		ReadHeaderTimeout: limits.HeadTime,
		IdleTimeout:       limits.Idle,
		MaxHeaderBytes:    limits.Header,
		ErrorLog:          log.New(io.Discard, "", 0), // it tells of clients that break connections
	}
	return s
}

// paced lets an answer begin before its request has ended, in HTTP/1.1 too: net/http
// would else read the whole body first. And it cuts streams that nobody reads.
func (s *Server) paced(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 {
			p := newPaced(w, s.limits.WriteStall)
			defer p.end()
			next.ServeHTTP(p, r)
			return
		}
		_ = http.NewResponseController(w).EnableFullDuplex() // HTTP/2 is so by itself
		next.ServeHTTP(w, r)
	})
}

// rewrite leaves the request as it is and says who sent it. What the client says of
// that itself goes along: the data plane knows which proxies are trusted.
func rewrite(r *httputil.ProxyRequest) {
	r.Out.URL.Scheme, r.Out.URL.Host = "http", "data-plane"
	r.Out.URL.RawQuery = r.In.URL.RawQuery // as it was sent, whatever Go thinks of it
	r.Out.Host = r.In.Host
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"} {
		if values := r.In.Header[name]; values != nil {
			r.Out.Header[name] = values
		}
	}
	peer, _, _ := net.SplitHostPort(r.In.RemoteAddr)
	r.Out.Header.Set(dataplane.EdgeHeader, peer)
}

// broken answers when the data plane ended the connection without an answer: the
// client has left, or the gateway goes.
func broken(w http.ResponseWriter, _ *http.Request, err error) {
	status, problem := http.StatusBadGateway, lost
	if errors.Is(err, errClosed) {
		status, problem = http.StatusServiceUnavailable, goes
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.Header().Set("X-Served-By", "gateway")
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, problem)
}

// What broken says.
const (
	lost = `{"type":"urn:banyan:problem:bad-gateway","title":"Bad Gateway","status":502,` +
		`"detail":"The answer was lost on its way. Whether the request was carried out is unknown."}` + "\n"
	goes = `{"type":"urn:banyan:problem:unavailable","title":"Service Unavailable","status":503,` +
		`"detail":"This gateway is going away. Nothing was done; try again."}` + "\n"
)

// Serve serves the listener until Drain.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.http.ServeTLS(listener{ln, s.limits, &s.open}, "", ""); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	return nil
}

// Drain stops accepting and lets requests end until the context does; what is left
// is cut.
func (s *Server) Drain(ctx context.Context) error {
	err := s.http.Shutdown(ctx)
	if err != nil && ctx.Err() != nil {
		err = s.http.Close()
	}
	s.transport.CloseIdleConnections()
	return err
}
