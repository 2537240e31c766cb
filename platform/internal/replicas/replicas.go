package replicas

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// Config says whom to ask.
type Config struct {
	// Name is what the host is called in errors.
	Name string
	// URLs are the replicas' admin ports, as http://10.0.0.7:8081; all are of one
	// database.
	URLs []string
	// Token is the admin port's, sent as Authorization: Bearer.
	Token string
	// Connect bounds the making of a connection; 0 means 1 s. A replica that is gone
	// from a network refuses nothing: it is silent.
	Connect time.Duration
}

// Asker asks the replicas of a host. It is safe for concurrent use.
type Asker struct {
	cfg  Config
	http *http.Client
	last atomic.Int64 // the replica that answered last
	sent atomic.Int64
	asks atomic.Int64
}

// New returns an asker. It connects to nobody yet.
func New(cfg Config) *Asker {
	dialer := net.Dialer{Timeout: cmp.Or(cfg.Connect, time.Second)}
	return &Asker{cfg: cfg, http: &http.Client{
		// No proxy from the environment: admin ports are in the same network.
		Transport:     &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 8, IdleConnTimeout: time.Minute},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Close closes idle connections.
func (a *Asker) Close() { a.http.CloseIdleConnections() }

// Traffic is how many requests there were, and how many bytes their bodies and those
// of the answers had.
func (a *Asker) Traffic() (requests, bytes int64) { return a.asks.Load(), a.sent.Load() }

// Question is one request.
type Question struct {
	Method, Path string
	// Body is sent as JSON, unless it is nil.
	Body any
	// Within bounds one attempt at one replica; it must be above 0.
	Within time.Duration
	// Limit bounds the answer's body in bytes; 0 means 1 MiB.
	Limit int64
}

// Answer is what a replica said, whatever its status.
type Answer struct {
	Status int
	Body   []byte
	// Lost is true when another replica was asked before, and may have done what it
	// was asked: nobody knows.
	Lost bool
}

// ErrAway: no replica answered.
var ErrAway = errors.New("no replica answers")

// Ask asks one replica after the other until one answers as accept wants; the others'
// answers are as good as none. When all have failed the error is ErrAway, with what
// each said.
func (a *Asker) Ask(ctx context.Context, q Question, accept func(Answer) bool) (Answer, error) {
	if len(a.cfg.URLs) == 0 {
		return Answer{}, fmt.Errorf("ask %s: there is no URL: name the admin ports of its replicas", a.cfg.Name)
	}
	var body []byte
	if q.Body != nil {
		var err error
		if body, err = json.Marshal(q.Body); err != nil {
			return Answer{}, fmt.Errorf("ask %s: encode the question: %w", a.cfg.Name, err)
		}
	}
	first := int(a.last.Load())
	lost, errs := false, []error(nil)
	for i := range a.cfg.URLs {
		at := (first + i) % len(a.cfg.URLs)
		answer, sent, err := a.one(ctx, a.cfg.URLs[at], q, body)
		if answer.Lost = lost; err == nil && accept(answer) {
			a.last.Store(int64(at))
			return answer, nil
		}
		if err == nil {
			err = fmt.Errorf("%s answers %d: %s", a.cfg.URLs[at], answer.Status, excerpt(answer.Body))
		}
		lost, errs = lost || sent, append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return Answer{Lost: lost}, fmt.Errorf("ask %s: %w: %w", a.cfg.Name, ErrAway, errors.Join(errs...))
}

// one asks one replica. sent is false when the question did not reach it for certain.
func (a *Asker) one(ctx context.Context, base string, q Question, body []byte) (answer Answer, sent bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.Within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, q.Method, strings.TrimRight(base, "/")+q.Path, bytes.NewReader(body))
	if err != nil {
		return Answer{}, false, fmt.Errorf("URL %q can't be: %w", base, err)
	}
	request.Header.Set("Authorization", "Bearer "+a.cfg.Token)
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	a.asks.Add(1)
	response, err := a.http.Do(request)
	if err != nil {
		var dial *net.OpError
		return Answer{}, !errors.As(err, &dial) || dial.Op != "dial", err
	}
	defer response.Body.Close()
	limit := cmp.Or(q.Limit, 1<<20)
	text, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	a.sent.Add(int64(len(body) + len(text)))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s answers with more than %d bytes", base, limit)
	}
	if err != nil {
		return Answer{}, true, fmt.Errorf("read the answer of %s: %w", base, err)
	}
	return Answer{Status: response.StatusCode, Body: text}, true, nil
}

func excerpt(body []byte) string {
	const length = 200
	text := strings.TrimSpace(string(body))
	if len(text) > length {
		return text[:length] + "..."
	}
	return text
}

// Read takes the value out of a 200, and says of a 401 what to do about it. Any other
// answer it leaves to the caller, who knows what it means: then known is false.
func (a *Asker) Read(answer Answer, into any) (known bool, err error) {
	switch answer.Status {
	case http.StatusOK:
		if err := json.Unmarshal(answer.Body, into); err != nil {
			return true, fmt.Errorf("%s: read its answer: %w", a.cfg.Name, err)
		}
		return true, nil
	case http.StatusUnauthorized:
		return true, fmt.Errorf("%s refuses our ADMIN_TOKEN: give the one that its hosts have", a.cfg.Name)
	}
	return false, nil
}

// Final tells whether another replica would say the same.
func Final(a Answer) bool {
	switch a.Status {
	case http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound:
		return true
	}
	return false
}
