package call

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"time"

	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/telemetry"
)

// again is the pause before a replica is asked a second time.
const again = 25 * time.Millisecond

// errMistake is what asking again does not mend.
var errMistake = errors.New("this call can't be")

// try asks the replicas, beginning with the next in turn, until one answers. What was
// never sent is tried at all of them; what may have been is tried twice, if it may.
func (c *Client) try(ctx context.Context, r Request) (Response, error) {
	bounded, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	urls, first := c.cfg.URLs, c.turn.Add(1)
	var last *UnavailableError
	for n, sent := 0, 0; n < max(2, len(urls)) && sent < 2; n++ {
		if n >= len(urls) && pause(bounded) != nil {
			break
		}
		answer, err := c.once(bounded, r, urls[(first+uint64(n))%uint64(len(urls))], n == 0 && len(urls) > 1)
		if err == nil && !passing(answer.Status) {
			return answer, c.problemOf(r, answer)
		}
		if errors.Is(err, errMistake) {
			return Response{}, err
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return Response{}, fmt.Errorf("ask %s: %w", c.cfg.Name, context.Canceled)
		}
		wasSent := last != nil && last.Sent
		if last = c.unavailable(answer, err); last.Sent {
			sent++
			if !r.repeatable() {
				break
			}
		}
		last.Sent = last.Sent || wasSent
		if bounded.Err() != nil {
			break
		}
	}
	return Response{}, last
}

// passing statuses are of who stands before the one that would answer, or of one that
// says itself that it can't now.
func passing(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

func (c *Client) unavailable(answer Response, err error) *UnavailableError {
	e := &UnavailableError{Peer: c.cfg.Name, Sent: true, Err: err}
	var dial *net.OpError
	switch {
	case err == nil:
		e.Reason = fmt.Sprintf("it answered %d", answer.Status)
	case errors.As(err, &dial) && dial.Op == "dial":
		e.Reason, e.Sent = "it can't be reached", false
	case errors.Is(err, context.DeadlineExceeded):
		e.Reason = "it did not answer in time"
	default:
		e.Reason = "the connection broke"
	}
	return e
}

// once asks one replica. The first of several gets half of the time, when another may
// be asked after it.
func (c *Client) once(ctx context.Context, r Request, base string, first bool) (Response, error) {
	if first && r.repeatable() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.cfg.Timeout/2)
		defer cancel()
	}
	ctx, span := telemetry.Begin(ctx, telemetry.Client, r.Method+" "+c.cfg.Name)
	status := 0
	defer func() {
		span.Say("peer.service", c.cfg.Name)
		span.Say("http.response.status_code", status)
		span.End(status == 0 || status >= http.StatusInternalServerError)
	}()
	request, err := http.NewRequestWithContext(ctx, r.Method, base+r.Path, bytes.NewReader(r.Body))
	if err != nil {
		return Response{}, fmt.Errorf("%w: ask %s: %w", errMistake, c.cfg.Name, err)
	}
	dress(ctx, request, r)
	answer, err := c.http.Do(request)
	if err != nil {
		return Response{}, err
	}
	defer answer.Body.Close()
	status = answer.StatusCode
	body, err := io.ReadAll(io.LimitReader(answer.Body, c.cfg.MaxBody+1))
	if err != nil {
		return Response{}, fmt.Errorf("read the answer: %w", err)
	}
	if int64(len(body)) > c.cfg.MaxBody {
		return Response{}, fmt.Errorf("%w: the answer of %s to %s %s is larger than %d bytes", errMistake, c.cfg.Name, r.Method, r.Path, c.cfg.MaxBody)
	}
	return Response{Status: answer.StatusCode, Header: answer.Header, Body: body}, nil
}

// dress adds what every request of the house carries: the trace and the request's id,
// so that the log lines of both hosts are found together.
func dress(ctx context.Context, request *http.Request, r Request) {
	if r.Header != nil {
		request.Header = r.Header.Clone()
	}
	if trace, ok := telemetry.Outgoing(ctx); ok {
		request.Header.Set("Traceparent", trace.String())
	}
	if id := telemetry.RequestIDFrom(ctx); id != "" {
		request.Header.Set(httpkit.HeaderRequestID, id)
	}
	if r.repeatable() && request.Header.Get(httpkit.HeaderIdempotencyKey) == "" {
		// The transport may send it again on a connection that the server has closed. An
		// empty list is not sent (net/http, Transport).
		request.Header[httpkit.HeaderIdempotencyKey] = []string{}
	}
}

// pause waits a moment, or less when ctx ends.
func pause(ctx context.Context) error {
	t := time.NewTimer(again/2 + rand.N(again))
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
