package httpkit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"
)

// The bounds that keep slow or greedy clients from holding a connection. A handler
// that streams lifts the first two for itself with http.ResponseController.
const (
	readTimeout    = 30 * time.Second
	writeTimeout   = 60 * time.Second
	headerTimeout  = 5 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

// Port is one listening address. It is safe for concurrent use.
type Port struct {
	server   *http.Server
	listener net.Listener
	draining atomic.Bool
	drain    chan struct{}
}

// Listen opens the address, and names the variable it came from when that fails.
// Requests are answered once Serve runs; until then they wait.
func Listen(variable, address string, logger *slog.Logger) (*Port, error) {
	l, err := net.Listen("tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s %q: the port is taken: stop what listens there, or choose another", variable, address)
	case err != nil:
		return nil, fmt.Errorf("%s %q can't be listened on: write host:port, such as 127.0.0.1:8080: %w", variable, address, err)
	}
	return &Port{
		listener: l,
		drain:    make(chan struct{}),
		server: &http.Server{
			ReadHeaderTimeout: headerTimeout,
			ReadTimeout:       readTimeout,
			WriteTimeout:      writeTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeaderBytes,
			ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
		},
	}, nil
}

// Address is where the port listens, with the number that was chosen for :0.
func (p *Port) Address() string { return p.listener.Addr().String() }

// Serve answers requests until Shutdown; nil is an orderly end.
func (p *Port) Serve(h http.Handler) error {
	p.server.Handler = p.leaving(h)
	if err := p.server.Serve(p.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve %s: %w", p.Address(), err)
	}
	return nil
}

// leaving asks clients to leave their connections while the port drains. The
// server's own way, SetKeepAlivesEnabled, closes idle ones at once, and a request
// that is just being sent on one is lost.
func (p *Port) leaving(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.draining.Load() {
			w.Header().Set("Connection", "close")
		}
		h.ServeHTTP(w, r)
	})
}

// Ready tells whether the port is meant to be sent requests; false once it drains.
func (p *Port) Ready() bool { return !p.draining.Load() }

// Draining is closed when the port begins to drain: a stream then ends itself.
func (p *Port) Draining() <-chan struct{} { return p.drain }

// Drain stops the port in the order that loses no request: it is not ready any
// more and asks clients to leave their connections, goes on answering for notice,
// so that balancers see it, then takes no new connection and waits for requests in
// flight. What is left when ctx ends is cut off, and that is an error.
func (p *Port) Drain(ctx context.Context, notice time.Duration) error {
	if p.draining.Swap(true) {
		return nil
	}
	close(p.drain)
	wait := time.NewTimer(notice)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
	err := p.server.Shutdown(ctx)
	_ = p.listener.Close() // Shutdown closes it only if Serve has begun
	if err != nil {
		_ = p.server.Close()
		return fmt.Errorf("requests in flight were cut off: %w", err)
	}
	return nil
}
