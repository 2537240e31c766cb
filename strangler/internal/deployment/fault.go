package deployment

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"banyan.dev/strangler/internal/steps"
)

// fault stands in front of one replica, in this command's own process, and breaks
// what it is told to. No program of the product can be told to be broken.
type fault struct {
	url  string
	stop func()
}

// Plant puts a fault in front of a process's replicas, at every gateway; or for one
// other process, which is told the fault's address at its next start. Users that come
// by another way don't meet it. pull takes it away.
func (r *Run) Plant(ctx context.Context, f steps.Fault) (pull func() error, err error) {
	if _, err := r.onThisMachine("a planted fault"); err != nil {
		return nil, err
	}
	if f.For != "" {
		return r.plantBetween(f)
	}
	for _, name := range r.replicas(f.Process) {
		planted, err := inFrontOf(r.state.Ports[name].Public, f)
		if err != nil {
			return nil, errors.Join(err, r.pull())
		}
		if r.faults == nil {
			r.faults = map[string]fault{}
		}
		r.faults[name] = planted
	}
	if len(r.faults) == 0 {
		return nil, fmt.Errorf("a fault in front of %s: it does not run", f.Process)
	}
	if err := r.route(ctx, nil); err != nil {
		return nil, errors.Join(err, r.pull())
	}
	return r.pull, nil
}

// plantBetween is for a process that asks the other one by the addresses that it was
// told. pull ends the fault: whoever was told of it must have ended by then.
func (r *Run) plantBetween(f steps.Fault) (pull func() error, err error) {
	between := map[string]fault{}
	pull = func() error {
		delete(r.between, f.For)
		for _, planted := range between {
			planted.stop()
		}
		return nil
	}
	for _, name := range r.replicas(f.Process) {
		planted, err := inFrontOf(r.state.Ports[name].Public, f)
		if err != nil {
			return nil, errors.Join(err, pull())
		}
		between[name] = planted
	}
	if len(between) == 0 {
		return nil, fmt.Errorf("a fault in front of %s: it does not run", f.Process)
	}
	if r.between == nil {
		r.between = map[string]map[string]fault{}
	}
	r.between[f.For] = between
	return pull, nil
}

// pull sends the gateways past the faults first, so that nobody meets their end.
func (r *Run) pull() error {
	faults := r.faults
	r.faults = nil
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	err := r.route(ctx, nil)
	for _, f := range faults {
		f.stop()
	}
	return err
}

func inFrontOf(port int, f steps.Fault) (fault, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fault{}, fmt.Errorf("listen for a fault: %w", err)
	}
	target := &url.URL{Scheme: "http", Host: loopback(port)}
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}
	pass := &httputil.ReverseProxy{
		Rewrite:       func(p *httputil.ProxyRequest) { p.SetURL(target); p.Out.Host = p.In.Host },
		Transport:     transport,
		FlushInterval: -1,
		ErrorLog:      log.New(io.Discard, "", 0),
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		select {
		case <-time.After(f.Delay):
			pass.ServeHTTP(w, q)
		case <-q.Context().Done():
		}
	})}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = server.Serve(l) }()
	return fault{url: "http://" + l.Addr().String(), stop: func() {
		within, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if server.Shutdown(within) != nil {
			_ = server.Close()
		}
		<-ended
		transport.CloseIdleConnections()
	}}, nil
}
