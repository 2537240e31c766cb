package handover

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"
)

// client asks as a client in the field does: what has no final answer is asked again,
// until the deadline. All that it is used for may be repeated: it reads, or has an
// Idempotency-Key. It is safe for concurrent use.
type client struct {
	url       string
	deadline  time.Duration
	transport *http.Transport
}

// idleConnections is more than wait at one time, so that none is dialled anew after each
// hand-over.
const idleConnections = 4096

func newClient(url string, deadline time.Duration) *client {
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	return &client{url: url, deadline: deadline, transport: &http.Transport{
		DialContext: dialer.DialContext, MaxIdleConnsPerHost: idleConnections, IdleConnTimeout: 30 * time.Second, DisableCompression: true,
	}}
}

// request is one thing that a user wants, however often it is asked.
type request struct {
	method, path string
	key          string // Idempotency-Key; empty for a read
	body         []byte
	want         int
}

// answer is what settled a request.
type answer struct {
	status   int
	header   http.Header
	body     []byte
	attempts int
}

// settle asks until the answer is final, and fails unless that is the one that is wanted.
func (c *client) settle(ctx context.Context, jar http.CookieJar, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.deadline)
	defer cancel()
	for attempt := 1; ; attempt++ {
		a, err := c.attempt(ctx, jar, r)
		a.attempts = attempt
		switch {
		case err == nil && a.status == r.want:
			return a, nil
		case err == nil && !mayRetry(a):
			return a, fmt.Errorf("%s %s: %d, want %d: %.200s", r.method, r.path, a.status, r.want, a.body)
		case err == nil:
			err = fmt.Errorf("status %d", a.status)
		}
		if !pause(ctx, backoff(a, attempt)) {
			return a, fmt.Errorf("%s %s: not settled within %s, %d attempts, the last: %w", r.method, r.path, c.deadline, attempt, err)
		}
	}
}

// attempt has half the deadline, so that one that hangs leaves time for another.
func (c *client) attempt(ctx context.Context, jar http.CookieJar, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.deadline/2)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, c.url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("User-Agent", "banyan-bench/1")
	if r.key != "" {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Idempotency-Key", r.key)
	}
	resp, err := (&http.Client{Transport: c.transport, Jar: jar}).Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

func mayRetry(a answer) bool {
	switch a.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return a.status >= 400 && a.header.Get("Retry-After") != ""
	}
}

// backoff is what the server asked for, else 25 ms doubled up to a second, less a random
// part, so that a crowd does not come back at once (Brooker, "Exponential Backoff And
// Jitter", 2015).
func backoff(a answer, attempt int) time.Duration {
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	ceiling := min(time.Second, 25*time.Millisecond<<min(attempt, 6))
	return ceiling/4 + rand.N(ceiling*3/4)
}

// pause waits, and is false if ctx would end first.
func pause(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) < d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

// get reads a document.
func (c *client) get(ctx context.Context, jar http.CookieJar, path string, into any) error {
	a, err := c.settle(ctx, jar, request{method: http.MethodGet, path: path, want: http.StatusOK})
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("the answer to GET %s: %w", path, err)
	}
	return nil
}

// encode writes what users send: strings, which can't fail.
func encode(fields map[string]string) []byte {
	body, err := json.Marshal(fields)
	if err != nil {
		return []byte("null")
	}
	return body
}
