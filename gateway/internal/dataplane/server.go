package dataplane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"

	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/metrics"
	"banyan.dev/platform/telemetry"
)

// Limits protect the gateway from its clients.
type Limits struct {
	// Header is the longest request head in bytes; more gets 431. A connection holds
	// a buffer of this size while it is in use.
	Header int
	// HeadTime is how long a head, and a short body, may take; 408 after it.
	HeadTime time.Duration
	// BodyStall is the longest silence within a streamed body; 408 after it.
	BodyStall time.Duration
	// BodyRate is the lowest average rate of a streamed body in bytes a second, over
	// the time that the gateway waited for the client, without the first BodyGrace;
	// 408 below it. 0 is any rate.
	BodyRate  int
	BodyGrace time.Duration
	// WriteStall is how long a client may take nothing of its answer; then its
	// connection is cut.
	WriteStall time.Duration
	// Idle is how long a connection is kept between two requests.
	Idle time.Duration
	// Connections is how many are served at once; more get 503.
	Connections int
	// Kept is how many bytes of bodies are kept at once to be sent again, over all
	// requests; what finds no room streams.
	Kept int64
}

// DefaultLimits are generous to people and short with attackers. Idle is longer
// than a load balancer's usual minute, so that it is never the gateway that closes
// a connection the balancer is about to use.
func DefaultLimits() Limits {
	return Limits{
		Header: 16 << 10, HeadTime: 10 * time.Second, BodyStall: 30 * time.Second, BodyRate: 240, BodyGrace: 10 * time.Second,
		WriteStall: time.Minute, Idle: 75 * time.Second, Connections: 65536, Kept: 128 << 20,
	}
}

// Server is the data plane. Make one with New.
type Server struct {
	current *current.Current
	metrics *metrics.Set
	none    *metrics.Meter // requests that no route takes
	logger  *slog.Logger
	limits  Limits
	tracer  *telemetry.Tracer // nil: no span is exported

	http     *fasthttp.Server
	listener net.Listener
	draining atomic.Bool
	pool     sync.Pool // of *exchange

	open      atomic.Int64 // connections, parked ones and tunnels too
	kept      atomic.Int64 // bytes reserved for bodies
	lingering chan struct{}
	rooms     rooms
	lot       lot
	tunnels   tunnels
}

// Trace exports a span of each request from now on. Call it before Serve; nil exports none.
func (s *Server) Trace(t *telemetry.Tracer) { s.tracer = t }

// New returns a server of the listener that does what is current.
func New(ln net.Listener, c *current.Current, set *metrics.Set, logger *slog.Logger, limits Limits) *Server {
	s := &Server{listener: ln, current: c, metrics: set, none: set.Meter("none", "gateway"), logger: logger, limits: limits}
	s.lingering = make(chan struct{}, lingerers)
	s.pool.New = func() any { return &exchange{server: s} }
	s.tunnels.open = map[*tunnel]struct{}{}
	s.http = &fasthttp.Server{
		Handler:         s.handle,
		HeaderReceived:  s.headerReceived,
		ExpectHandler:   s.expect,
		ErrorHandler:    s.unreadable,
		Logger:          quiet{logger},
		ReadBufferSize:  limits.Header,
		WriteBufferSize: 4 << 10,
		// The listener counts connections. fasthttp counts those that are just ending
		// too.
		Concurrency: 2*limits.Connections + lingerers,
		// Bodies are bounded by routes, not here.
		MaxRequestBodySize:            math.MaxInt,
		StreamRequestBody:             true,
		DisablePreParseMultipartForm:  true,
		DisableHeaderNamesNormalizing: true,
		NoDefaultServerHeader:         true,
		NoDefaultDate:                 true,
		NoDefaultContentType:          true,
		CloseOnShutdown:               true,
		SecureErrorLogMessage:         true,
		// An answer is flushed before the next pipelined request is looked at, so
		// that an interim answer written past the buffer can't overtake it; and an
		// idle connection holds no write buffer.
		ReduceMemoryUsage: true,
	}
	return s
}

// Serve serves until Drain.
func (s *Server) Serve() error {
	if err := s.http.Serve(listener{Listener: s.listener, server: s}); err != nil {
		return fmt.Errorf("serve %s: %w", s.listener.Addr(), err)
	}
	return nil
}

// ServeLink serves package edge beside Serve, until the listener is closed: nobody else
// may be able to connect, because EdgeHeader is believed.
func (s *Server) ServeLink(ln net.Listener) error {
	if err := s.http.Serve(listener{Listener: ln, server: s, inside: true}); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve %s: %w", ln.Addr(), err)
	}
	return nil
}

// settle is how long idle connections stay open in a drain: a request that is on
// its way when the drain begins is still answered, with Connection: close.
const settle = 250 * time.Millisecond

// BeginDrain makes each answer from here on the last of its connection. It is
// called before Drain, as early as the host knows.
func (s *Server) BeginDrain() { s.draining.Store(true) }

// Drain stops accepting, lets requests end until the context does, and then ends
// what is left.
func (s *Server) Drain(ctx context.Context) error {
	s.BeginDrain()
	err := s.listener.Close()
	if errors.Is(err, net.ErrClosed) {
		err = nil
	}
	s.settle(ctx)
	s.lot.close()
	shut := s.http.ShutdownWithContext(ctx)
	if errors.Is(shut, net.ErrClosed) {
		shut = nil
	}
	return errors.Join(err, shut, s.lot.drain(ctx), s.tunnels.drain(ctx))
}

// settle waits until no connection is left, or for as long as one may be idle.
func (s *Server) settle(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, settle)
	defer cancel()
	tick := time.NewTicker(settle / 50)
	defer tick.Stop()
	for s.open.Load() > 0 {
		select {
		case <-bounded.Done():
			return
		case <-tick.C:
		}
	}
}

// handle answers one request.
func (s *Server) handle(ctx *fasthttp.RequestCtx) {
	var x *exchange
	waiting, begun := ctx.UserValue(expectKey{}).(*asked)
	if begun {
		x, waiting.exchange = waiting.exchange, nil
	} else {
		x = s.begin(ctx)
	}
	defer x.end()
	defer s.recovered(x)
	if x.refused() {
		return
	}
	if begun {
		x.resume()
		return
	}
	x.run()
}

// refused answers a request whose end is in doubt, whatever else is to be said of it.
func (x *exchange) refused() bool {
	if x.client == nil || x.client.refused == nil {
		return false
	}
	x.odd = true
	x.requestID = appendRequestID(x.requestID[:0], nil)
	x.fail(x.client.refused)
	return true
}

// recovered keeps a mistake in the gateway from ending all requests: fasthttp
// itself recovers nothing.
func (s *Server) recovered(x *exchange) {
	if p := recover(); p != nil {
		s.logger.Error("request failed in the gateway", "panic", fmt.Sprint(p))
		x.fail(errInternal)
	}
}

// headerReceived mends what fasthttp would overlook: it finds Expect only as
// Expect: 100-continue, and would else wait for a body that waits for it.
func (s *Server) headerReceived(h *fasthttp.RequestHeader) (none fasthttp.RequestConfig) {
	raw := h.RawHeaders()
	if !bytes.Contains(raw, []byte("xpect")) && !bytes.Contains(raw, []byte("XPECT")) {
		return none
	}
	for name, value := range h.All() {
		if bytes.EqualFold(name, []byte("Expect")) && bytes.EqualFold(value, []byte("100-continue")) {
			h.Set("Expect", "100-continue")
			return none
		}
	}
	return none
}

// unreadable answers what fasthttp could not parse.
func (s *Server) unreadable(ctx *fasthttp.RequestCtx, err error) {
	var small *fasthttp.ErrSmallBuffer
	var timeout net.Error
	why := errBroken
	switch {
	case errors.As(err, &small):
		why = errHeadSize
	case errors.As(err, &timeout) && timeout.Timeout(), errors.Is(err, fasthttp.ErrTimeout):
		why = errSlow
	}
	c, ok := ctx.Conn().(*client)
	if ok {
		c.linger.Store(true)
		if c.refused != nil {
			why = c.refused
		}
	}
	why.write(ctx, nil, appendRequestID(nil, nil))
	if !ok || !c.counted {
		s.none.Answered(why.status, 0)
	}
}

// quiet takes fasthttp's log lines: they tell of clients that break connections.
type quiet struct{ logger *slog.Logger }

func (q quiet) Printf(format string, args ...any) {
	q.logger.Debug("connection", "detail", fmt.Sprintf(format, args...))
}
