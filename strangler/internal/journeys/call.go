package journeys

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// settleWithin is how long one call may take, attempts and pauses together: the
// patience of a client in the field.
const settleWithin = 20 * time.Second

// raw is a body that is not JSON.
type raw struct {
	kind    string // its Content-Type; empty sends none
	content []byte
}

// Call is a request before it is sent.
type Call struct {
	by     *Person
	method string
	path   string
	header http.Header
	body   []byte
}

func (p *Person) call(method, path string, body any) *Call {
	c := &Call{by: p, method: method, path: path, header: http.Header{}}
	switch b := body.(type) {
	case nil:
	case raw:
		c.body = b.content
		if b.kind != "" {
			c.header.Set("Content-Type", b.kind)
		}
	default:
		encoded, err := json.Marshal(b)
		if err != nil {
			p.story.Fail("encode the body of %s %s: %w", method, path, err)
		}
		c.body = encoded
		c.header.Set("Content-Type", "application/json")
	}
	return c
}

// With adds a header.
func (c *Call) With(name, value string) *Call {
	c.header.Add(name, value)
	return c
}

// IfMatch makes the write conditional on a version.
func (c *Call) IfMatch(version int) *Call { return c.With("If-Match", etag(version)) }

// Key gives the write an Idempotency-Key.
func (c *Call) Key(key string) *Call { return c.With("Idempotency-Key", key) }

// Answers sends the request and ends the journey unless the answer has the status.
func (c *Call) Answers(status int) *Answer {
	answer := c.Sent()
	answer.mustBe(status)
	return answer
}

// Refused sends the request and ends the journey unless it is refused with the
// status and a well-formed problem of the kind.
func (c *Call) Refused(status int, kind string) *Answer {
	answer := c.Answers(status)
	answer.mustBeProblem(kind)
	return answer
}

// Sent sends the request and settles it as a client in the field does: what was
// surely not done (a refused connection, a 429 or 503 that says when to come back) is sent
// again, other gateway errors only when sending twice is harmless.
func (c *Call) Sent() *Answer {
	s := c.by.story
	s.last = fmt.Sprintf("%s: %s %s", c.by.name, c.method, c.path)
	deadline := time.Now().Add(settleWithin)
	for pause := 50 * time.Millisecond; ; pause = min(2*pause, time.Second) {
		answer, err := c.attempt()
		if err == nil {
			s.last = answer.String()
		}
		wait, again := c.again(answer, err, pause)
		switch {
		case again && time.Now().Add(wait).Before(deadline):
			s.wait(wait)
		case err != nil:
			s.Fail("%s: %s %s: %w", c.by.name, c.method, c.path, err)
		default:
			return answer
		}
	}
}

func (c *Call) attempt() (*Answer, error) {
	s := c.by.story
	request, err := http.NewRequestWithContext(s.ctx, c.method, s.config.BaseURL+c.path, bytes.NewReader(c.body))
	if err != nil {
		return nil, err
	}
	request.Header = c.header.Clone()
	request.Header.Set("User-Agent", "banyan-journeys ("+c.by.name+")")
	response, err := c.by.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return &Answer{call: c, Status: response.StatusCode, Header: response.Header, Body: body, cookies: response.Cookies()}, nil
}

// again tells whether to send once more, and after which pause.
func (c *Call) again(answer *Answer, err error, pause time.Duration) (wait time.Duration, again bool) {
	if err != nil {
		var refused *net.OpError
		return pause, errors.As(err, &refused) && refused.Op == "dial" || c.harmlessTwice() && c.by.story.ctx.Err() == nil
	}
	seconds, parseErr := strconv.Atoi(answer.Header.Get("Retry-After"))
	told := parseErr == nil && seconds >= 0
	if told {
		pause = max(pause, time.Duration(seconds)*time.Second)
	}
	switch answer.Status {
	case http.StatusTooManyRequests:
		return pause, told
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return pause, told || c.harmlessTwice()
	}
	return 0, false
}

func (c *Call) harmlessTwice() bool {
	safe := []string{http.MethodGet, http.MethodHead, http.MethodDelete}
	return slices.Contains(safe, c.method) || c.header.Get("Idempotency-Key") != ""
}

// Answer is what came back.
type Answer struct {
	call    *Call
	Status  int
	Header  http.Header
	Body    []byte
	cookies []*http.Cookie
}

// String is the answer in one line, for the one who reads a failure.
func (a *Answer) String() string {
	body := strings.Join(strings.Fields(string(a.Body)), " ")
	if runes := []rune(body); len(runes) > 300 {
		body = string(runes[:300]) + "…"
	}
	if !utf8.Valid(a.Body) {
		body = fmt.Sprintf("(%d bytes of %s)", len(a.Body), a.Header.Get("Content-Type"))
	}
	served := a.Header.Get("X-Served-By")
	if served != "" {
		served = " by " + served
	}
	return fmt.Sprintf("%s: %s %s -> %d%s %s", a.call.by.name, a.call.method, a.call.path, a.Status, served, body)
}

// Into decodes the JSON body.
func (a *Answer) Into(v any) {
	if err := json.Unmarshal(a.Body, v); err != nil {
		a.fail("the body is not the JSON expected: %v", err)
	}
}

// Has ends the journey unless the header has the value.
func (a *Answer) Has(name, want string) *Answer {
	if got := a.Header.Get(name); got != want {
		a.fail("the header %s is %q, want %q", name, got, want)
	}
	return a
}

// HasPart ends the journey unless the header contains the part.
func (a *Answer) HasPart(name, part string) *Answer {
	if got := a.Header.Get(name); !strings.Contains(got, part) {
		a.fail("the header %s is %q, want %q in it", name, got, part)
	}
	return a
}

func (a *Answer) mustBe(status int) {
	if a.Status != status {
		a.fail("the status is %d, want %d", a.Status, status)
	}
}

func (a *Answer) fail(format string, args ...any) {
	a.call.by.story.Fail("%s %s by %s: %w", a.call.method, a.call.path, a.call.by.name, fmt.Errorf(format, args...))
}

func etag(version int) string { return fmt.Sprintf("%q", strconv.Itoa(version)) }
