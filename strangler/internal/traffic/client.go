package traffic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// request is one thing a user wants, however many attempts it takes.
type request struct {
	name    string // the kind of request, as reports group it
	method  string
	path    string
	body    []byte // JSON
	key     string // Idempotency-Key
	ifMatch int64  // 0 is none
	ifNone  string
	cookie  string // in place of the jar's
	session bool   // needs the user to be signed in
	public  bool   // visitors are answered too, so no answer proves a session, and a 404 may only hide a draft
	expect  []int  // statuses that settle it
	html    bool   // the expected answer is a page
	into    any    // what the expected answer's JSON is read into; nil for an answer that is not read

	// tolerate, if not nil, is true for a status that ends the operation and is nobody's fault. It is asked when the answer
	// is there: what excuses it may have begun after the request did.
	tolerate func(status int) bool
}

// answer is what settled a request.
type answer struct {
	status   int
	header   http.Header
	body     []byte
	attempts int
}

func (a answer) servedBy() string { return a.header.Get("X-Served-By") }

// errStopped ends a request that the end of the load cut short; it is nobody's failure.
var errStopped = errors.New("the load has ended")

// failure is a request that failed, as the public contract counts it.
type failure struct {
	why string
	// undone is true if the server certainly did not do what was asked.
	undone bool
}

func (f *failure) Error() string { return f.why }

// client sends requests the way a client in the field does: it repeats what is safe to repeat, for as long as the
// deadline lets it. It is safe for concurrent use.
type client struct {
	baseURL   func() string
	deadline  time.Duration
	transport *http.Transport
}

func newClient(baseURL func() string, deadline time.Duration, users int) *client {
	dialer := &net.Dialer{Timeout: 2 * time.Second}
	return &client{
		baseURL:  baseURL,
		deadline: deadline,
		transport: &http.Transport{
			DialContext: dialer.DialContext,
			// The default of 2 would dial anew for nearly each request of a crowd.
			MaxIdleConnsPerHost: users + 16,
			IdleConnTimeout:     30 * time.Second,
			DisableCompression:  true,
		},
	}
}

// settle sends a request until it has an answer that is final. Refused and reset connections, 429, 502 to 504 and
// any answer with Retry-After are tried again with growing pauses; what is not safe to repeat is sent once. retried is
// called for each attempt beyond the first.
func (c *client) settle(ctx context.Context, jar http.CookieJar, r request, retried func()) (answer, error) {
	within, cancel := context.WithTimeout(ctx, c.deadline)
	defer cancel()
	undone := true
	for attempt := 1; ; attempt++ {
		a, err := c.attempt(within, jar, r)
		a.attempts = attempt
		if err == nil && !mayRetry(a) {
			return a, nil
		}
		undone = undone && notSent(a, err)
		if ctx.Err() != nil {
			return a, errStopped
		}
		last := describe(a, err)
		if !r.repeatable() && !notSent(a, err) {
			return a, &failure{why: last, undone: undone}
		}
		if !pause(within, waitFor(a, attempt)) {
			if ctx.Err() != nil {
				return a, errStopped
			}
			return a, &failure{why: fmt.Sprintf("not settled within %s, %d attempts, the last: %s", c.deadline, attempt, last), undone: undone}
		}
		retried()
	}
}

// attempt sends a request once. An attempt has half the deadline, so that one that hangs leaves time for another.
func (c *client) attempt(ctx context.Context, jar http.CookieJar, r request) (answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.deadline/2)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, c.baseURL()+r.path, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, fmt.Errorf("make the request: %w", err)
	}
	r.dress(req)
	if r.cookie != "" {
		jar = nil
	}
	hc := &http.Client{Transport: c.transport, Jar: jar, CheckRedirect: stay}
	resp, err := hc.Do(req)
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(resp.Body)
	if closing := resp.Body.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return answer{}, fmt.Errorf("read the answer: %w", err)
	}
	return answer{status: resp.StatusCode, header: resp.Header, body: body}, nil
}

// stay keeps the client from following a redirect: where a page sends people is for the user to judge.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (r request) dress(req *http.Request) {
	req.Header.Set("User-Agent", "banyan-traffic/1")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	if r.ifMatch != 0 {
		req.Header.Set("If-Match", strconv.Quote(strconv.FormatInt(r.ifMatch, 10)))
	}
	if r.ifNone != "" {
		req.Header.Set("If-None-Match", r.ifNone)
	}
	if r.cookie != "" {
		req.Header.Set("Cookie", r.cookie)
	}
}

// repeatable is true for what does the same when it is done twice. Signing in twice makes two sessions, of which
// the first is forgotten: as harmless as a second click.
func (r request) repeatable() bool {
	switch r.method {
	case http.MethodGet, http.MethodHead, http.MethodDelete:
		return true
	default:
		return r.key != "" || strings.HasPrefix(r.path, "/api/v1/sessions") || strings.HasSuffix(r.path, "/role")
	}
}

func mayRetry(a answer) bool {
	switch a.status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	default:
		return a.status >= 400 && a.header.Get("Retry-After") != ""
	}
}

// notSent is true if the server cannot have begun: nobody listened, or it said so.
func notSent(a answer, err error) bool {
	return errors.Is(err, syscall.ECONNREFUSED) || err == nil && a.status == http.StatusTooManyRequests
}

func describe(a answer, err error) string {
	if err != nil {
		return err.Error()
	}
	return a.describe()
}

func (a answer) describe() string {
	text := strconv.Itoa(a.status)
	if kind := a.problem(); kind != "" {
		text += " " + kind
	}
	if id := a.header.Get("X-Request-Id"); id != "" {
		text += " (request " + id + ")"
	}
	return text
}

// waitFor is how long to wait before the next attempt: what the server asked for, else 25 ms doubled up to a second, of
// which a random part is left out, so that a crowd comes back one after another (Brooker, "Exponential Backoff And Jitter", 2015).
func waitFor(a answer, attempt int) time.Duration {
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	ceiling := min(time.Second, 25*time.Millisecond<<min(attempt, 6))
	return ceiling/4 + rand.N(ceiling*3/4)
}

// pause waits, and is false if the deadline would come first: there is no point in waiting for that.
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
		return true
	}
}

func (r request) expects(status int) bool   { return slices.Contains(r.expect, status) }
func (r request) tolerates(status int) bool { return r.tolerate != nil && r.tolerate(status) }
