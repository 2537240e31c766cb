package stand

import (
	"crypto/rand"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// newProxy is httputil.ReverseProxy as one tunes it who has read about it: enough
// kept connections (the default of 2 dials for almost every request under load),
// buffers used again, no compression, no log.
func newProxy(to string, keep int) (http.Handler, error) {
	target, err := targetOf(to)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite: forwarding(target),
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			MaxIdleConns:        0, // no bound over all hosts
			MaxIdleConnsPerHost: keep,
			IdleConnTimeout:     10 * time.Minute,
			DisableCompression:  true,
		},
		BufferPool: &buffers{},
		ErrorLog:   log.New(io.Discard, "", 0),
	}, nil
}

// newUntuned is httputil.ReverseProxy as it comes, over http.DefaultTransport, which
// keeps two connections to a host and dials the others anew.
func newUntuned(to string) (http.Handler, error) {
	target, err := targetOf(to)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite:  forwarding(target),
		ErrorLog: log.New(io.Discard, "", 0),
	}, nil
}

// forwarding sets the headers that every contender sets.
func forwarding(target *url.URL) func(*httputil.ProxyRequest) {
	return func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host
		r.SetXForwarded()
		if ip, _, err := net.SplitHostPort(r.In.RemoteAddr); err == nil {
			r.Out.Header.Set("X-Real-Ip", ip)
		}
		r.Out.Header.Set("X-Request-Id", rand.Text())
	}
}

func targetOf(to string) (*url.URL, error) {
	target, err := url.Parse("http://" + to)
	if err != nil || target.Host == "" {
		return nil, fmt.Errorf("to %q is no address: write host:port", to)
	}
	return target, nil
}

// buffers are what bodies are copied through.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if kept, ok := b.pool.Get().(*[]byte); ok {
		return *kept
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }
