package call

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"banyan.dev/platform/httpkit"
)

// Client asks one peer. It is safe for concurrent use; make one per peer and keep it.
type Client struct {
	cfg     Config
	http    *http.Client
	breaker *gobreaker.CircuitBreaker[Response]
	figures *figures
	turn    atomic.Uint64
}

// Request is what is asked.
type Request struct {
	Method string
	// Path begins with a slash and is escaped; it may have a query.
	Path   string
	Header http.Header
	Body   []byte
	// Repeatable says that asking twice does no harm, where method and headers don't
	// say so: for a POST that only asks. It is known of GET, HEAD, OPTIONS, of PUT and
	// DELETE without If-Match (a second try would find what the first one did), and of
	// whatever carries an Idempotency-Key.
	Repeatable bool
}

// Response is what was answered, whole.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// New returns a client; it dials nothing. Its errors name the field. Close it in the
// end.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	var err error
	if cfg.URLs, err = URLs("call "+cfg.Name+": URLs", strings.Join(cfg.URLs, ",")); err != nil {
		return nil, err
	}
	c := &Client{cfg: cfg}
	if c.figures, err = newFigures(cfg); err != nil {
		return nil, err
	}
	c.http = &http.Client{
		Transport: &http.Transport{
			// A replica that is gone without a word must leave time for another.
			DialContext:         (&net.Dialer{Timeout: min(cfg.Timeout/3, time.Second)}).DialContext,
			MaxIdleConnsPerHost: 64,
			IdleConnTimeout:     30 * time.Second, // well below the servers' own
			DisableCompression:  true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	c.breaker = c.newBreaker()
	return c, nil
}

func (c *Client) newBreaker() *gobreaker.CircuitBreaker[Response] {
	return gobreaker.NewCircuitBreaker[Response](gobreaker.Settings{
		Name:         c.cfg.Name,
		Interval:     10 * time.Second,
		BucketPeriod: time.Second,
		Timeout:      c.cfg.Breaker.OpenFor,
		ReadyToTrip: func(n gobreaker.Counts) bool {
			return n.ConsecutiveFailures >= uint32(c.cfg.Breaker.Failures) || n.Requests >= 20 && 2*n.TotalFailures >= n.Requests
		},
		IsSuccessful: func(err error) bool { return !IsUnavailable(err) },
		IsExcluded:   func(err error) bool { return errors.Is(err, context.Canceled) }, // who asked went away
		OnStateChange: func(_ string, from, to gobreaker.State) {
			c.figures.state(to)
			c.cfg.Logger.Warn("breaker changed", "peer", c.cfg.Name, "from", from.String(), "to", to.String())
		},
	})
}

// Close closes the connections that are kept.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Name is the peer's.
func (c *Client) Name() string { return c.cfg.Name }

// Do asks, and returns what was answered. An answer that is no success comes with an
// error: a *problem.Error or a *StatusError. Without an answer the error is an
// *UnavailableError, or that of a context that was cancelled.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	began := time.Now()
	answer, err := c.breaker.Execute(func() (Response, error) { return c.try(ctx, r) })
	if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
		err = &UnavailableError{Peer: c.cfg.Name, Reason: "it did not answer a moment ago, and is asked again soon", Err: err}
	}
	c.figures.note(err, time.Since(began))
	return answer, err
}

// JSON asks with in as the body, if it is not nil, and decodes the answer into out, if
// that is not nil. Errors are Do's. header may be nil.
func (c *Client) JSON(ctx context.Context, method, path string, header http.Header, in, out any) error {
	r := Request{Method: method, Path: path, Header: header}
	_, err := c.Ask(ctx, r, in, out)
	return err
}

// Ask is JSON with all that a Request may say; its Body is made of in.
func (c *Client) Ask(ctx context.Context, r Request, in, out any) (Response, error) {
	if in != nil {
		body, err := json.Marshal(in)
		if err != nil {
			return Response{}, fmt.Errorf("encode what %s is asked: %w", c.cfg.Name, err)
		}
		r.Body, r.Header = body, withContent(r.Header)
	}
	answer, err := c.Do(ctx, r)
	if err != nil || out == nil {
		return answer, err
	}
	if err := json.Unmarshal(answer.Body, out); err != nil {
		return answer, fmt.Errorf("read the answer of %s to %s %s: %w", c.cfg.Name, r.Method, r.Path, err)
	}
	return answer, nil
}

func withContent(header http.Header) http.Header {
	header = header.Clone()
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	return header
}

// repeatable tells whether asking twice does no harm.
func (r Request) repeatable() bool {
	if r.Repeatable || r.Header.Get(httpkit.HeaderIdempotencyKey) != "" {
		return true
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	case http.MethodPut, http.MethodDelete:
		return r.Header.Get("If-Match") == ""
	}
	return false
}
