package stand

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"
)

// Command is the hidden command's name, below Parent.
const (
	Parent  = "bench"
	Command = "internal-process"
)

// The kinds of processes.
const (
	Application  = "application"
	ReverseProxy = "reverseproxy"
	Untuned      = "untuned"
)

// Config is what such a process is told.
type Config struct {
	Kind string `json:"kind"`
	// Listen are the addresses that answer requests: of the application one for
	// each of its replicas, of the proxy its only one.
	Listen []string `json:"listen"`
	// Streams is where the application sends and takes long bodies, and tells how
	// many requests each replica had.
	Streams string `json:"streams,omitempty"`
	// To is the address that the proxy forwards to.
	To string `json:"to,omitempty"`
	// Keep is how many idle connections the proxy keeps to it.
	Keep int `json:"keep,omitempty"`
}

// Arguments to start this tool's binary with; Serve takes the last of them.
func (c Config) Arguments() []string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // texts and numbers only
	}
	return []string{Parent, Command, string(text)}
}

// Serve answers until ctx ends, or alive does: a benchmark that dies must leave
// nothing behind, and holds the other end of it. An error says what can't be
// served.
func Serve(ctx context.Context, config string, alive io.Reader) error {
	var c Config
	if err := json.Unmarshal([]byte(config), &c); err != nil {
		return fmt.Errorf("read the process's configuration: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, alive) // its end is all it says
		stop()
	}()
	switch c.Kind {
	case Application:
		return serveApplication(ctx, c)
	case ReverseProxy, Untuned:
		return serveProxy(ctx, c)
	default:
		return fmt.Errorf("%q is no part of the benchmark: use %s, %s or %s", c.Kind, Application, ReverseProxy, Untuned)
	}
}

func serveApplication(ctx context.Context, c Config) error {
	if len(c.Listen) == 0 {
		return errors.New("listen is empty: name an address for each replica")
	}
	group, ctx := errgroup.WithContext(ctx)
	app := newApplication(len(c.Listen))
	for i, address := range c.Listen {
		group.Go(func() error { return app.listen(ctx, address, i) })
	}
	group.Go(func() error { return serveHTTP(ctx, c.Streams, app.streams()) })
	return group.Wait()
}

func serveProxy(ctx context.Context, c Config) error {
	if len(c.Listen) != 1 {
		return fmt.Errorf("listen names %d addresses: name one", len(c.Listen))
	}
	proxy, err := newProxy(c.To, c.Keep)
	if c.Kind == Untuned {
		proxy, err = newUntuned(c.To)
	}
	if err != nil {
		return err
	}
	return serveHTTP(ctx, c.Listen[0], proxy)
}

// serveHTTP serves until ctx ends, and cuts what is under way then.
func serveHTTP(ctx context.Context, address string, handler http.Handler) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 10 * time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve at %s: %w", address, err)
	}
	return nil
}
