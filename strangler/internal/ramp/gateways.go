package ramp

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Gateways are all replicas of one gateway, by their admin ports. It is safe for
// concurrent use.
type Gateways struct {
	URLs   []string // such as http://127.0.0.1:8001
	Token  string   // for changes
	Client *http.Client
	// Patience is how much longer than on one machine a gateway's file may take to reach it.
	Patience time.Duration
}

// Status is what one gateway tells of itself, as far as a ramp minds.
type Status struct {
	URL         string        `json:"-"`
	Name        string        `json:"name"`
	Revision    int64         `json:"revision"`
	Digest      string        `json:"digest"` // of the text in force
	Draining    bool          `json:"draining"`
	LastRefused *Refused      `json:"last_refused"`
	Bounds      []float64     `json:"latency_bounds_ms"`
	Routes      []RouteStatus `json:"routes"`
	Resources   []struct {
		Name  string `json:"name"`
		Owner string `json:"owner"`
		Epoch int64  `json:"epoch"`
	} `json:"resources"`
}

// Refused is the last configuration that a gateway did not take.
type Refused struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

func (r Refused) is(other Refused) bool { return r.At.Equal(other.At) && r.Reason == other.Reason }

// RouteStatus is one route there.
type RouteStatus struct {
	Name   string       `json:"name"`
	Sides  []SideStatus `json:"sides"`
	Canary *struct {
		Owner   string `json:"owner"`
		Percent Share  `json:"percent"`
	} `json:"canary"`
	Shadow *ShadowStatus `json:"shadow"`
	Hold   HoldStatus    `json:"hold"`
}

// SideStatus is what one of a route's owners has done since the gateway began.
type SideStatus struct {
	Owner    string   `json:"owner"`
	Role     string   `json:"role"` // baseline or canary
	Requests uint64   `json:"requests"`
	Errors   uint64   `json:"errors"`
	Latency  []uint64 `json:"latency"`
}

// ShadowStatus is what came of a route's copies since the gateway began.
type ShadowStatus struct {
	Owner      string `json:"owner"`
	Sent       uint64 `json:"sent"`
	Matched    uint64 `json:"matched"`
	Mismatched uint64 `json:"mismatched"`
	Failed     uint64 `json:"failed"`
}

// HoldStatus is a route's gate.
type HoldStatus struct {
	Held      bool    `json:"held"`
	ID        string  `json:"id"`         // of the hold
	HeldTotal uint64  `json:"held_total"` // requests that waited
	Refused   uint64  `json:"refused"`
	P50       float64 `json:"wait_p50_ms"`
	P99       float64 `json:"wait_p99_ms"`
}

// Route finds a route of the status.
func (s Status) Route(name string) (RouteStatus, error) {
	for _, r := range s.Routes {
		if r.Name == name {
			return r, nil
		}
	}
	return RouteStatus{}, fmt.Errorf("%s knows no route %q", s.Name, name)
}

// status asks one gateway.
func (g Gateways) status(ctx context.Context, url string) (Status, error) {
	s := Status{URL: url}
	text, err := g.get(ctx, url+"/api/status")
	if err != nil {
		return s, err
	}
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("the answer of %s/api/status: %w", url, err)
	}
	return s, nil
}

// Status asks every gateway. Those that are about to end are left out: they answer
// what they have, and nothing new comes to them.
func (g Gateways) Status(ctx context.Context) ([]Status, error) {
	var all []Status
	for _, url := range g.URLs {
		s, err := g.status(ctx, url)
		if err != nil {
			return nil, err
		}
		if !s.Draining {
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no gateway is ready: all that there are drain")
	}
	return all, nil
}

// Config is the file as the first gateway has it in force.
func (g Gateways) Config(ctx context.Context) ([]byte, error) {
	return g.get(ctx, g.URLs[0]+"/api/config")
}

// Put gives every gateway a configuration, for speed: each reads its file by itself
// sooner or later.
func (g Gateways) Put(ctx context.Context, text []byte) error {
	var errs []error
	for _, url := range g.URLs {
		_, err := g.do(ctx, http.MethodPut, url+"/api/config", text, "If-Match", "*", "Content-Type", "application/yaml")
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// Refusals remembers what each gateway refused last, so that an old refusal is not
// taken for one of what comes next. Gateways that don't answer have none.
func (g Gateways) Refusals(ctx context.Context) map[string]Refused {
	seen := map[string]Refused{}
	for _, url := range g.URLs {
		if s, err := g.status(ctx, url); err == nil && s.LastRefused != nil {
			seen[url] = *s.LastRefused
		}
	}
	return seen
}

// takesWithin bounds how long a gateway may take to read its file.
const takesWithin = 15 * time.Second

// Digest names a text as gateways do: the first 16 hexadecimal digits of its SHA-256.
func Digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Await returns when every gateway that is ready reports the revision with this text,
// or a revision above it. The error names the one that does not, and what it refused
// since before. A gateway that was steered by its admin port may have the revision
// with another text: it will not take this one.
func (g Gateways) Await(ctx context.Context, revision int64, text []byte, before map[string]Refused) error {
	want := Status{Revision: revision, Digest: Digest(text)}
	ctx, cancel := context.WithTimeout(ctx, takesWithin+g.Patience)
	defer cancel()
	for _, url := range g.URLs {
		for {
			final, err := g.has(ctx, url, want, before[url])
			if err == nil {
				break
			}
			select {
			case <-time.After(20 * time.Millisecond):
			case <-ctx.Done():
				final = true
			}
			if final {
				return fmt.Errorf("the gateway at %s did not take revision %d: %w", url, revision, err)
			}
		}
	}
	return nil
}

// has tells whether a gateway has the revision; final is an answer that waiting
// does not change. A gateway before digests tells none.
func (g Gateways) has(ctx context.Context, url string, want Status, before Refused) (final bool, err error) {
	s, err := g.status(ctx, url)
	switch {
	case err != nil:
		return false, err
	case s.Draining || s.Revision > want.Revision:
		return true, nil
	case s.Revision == want.Revision && s.Digest != "" && s.Digest != want.Digest:
		return true, fmt.Errorf("it has another text under that number, digest %s instead of %s: somebody steered it by its admin port; write the text with a higher revision", s.Digest, want.Digest)
	case s.Revision == want.Revision:
		return true, nil
	case s.LastRefused != nil && s.LastRefused.Reason != "" && !s.LastRefused.is(before):
		return true, fmt.Errorf("it refuses it: %s", s.LastRefused.Reason)
	default:
		return false, fmt.Errorf("it reports revision %d", s.Revision)
	}
}

func (g Gateways) get(ctx context.Context, url string) ([]byte, error) {
	return g.do(ctx, http.MethodGet, url, nil)
}

func (g Gateways) do(ctx context.Context, method, url string, body []byte, headers ...string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("ask %s: %w", url, err)
	}
	if g.Token != "" {
		req.Header.Set("Authorization", "Bearer "+g.Token)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := g.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s: %w", url, err)
	}
	if res.StatusCode >= http.StatusMultipleChoices {
		return nil, &AnswerError{Method: method, URL: url, Status: res.StatusCode, Reason: reason(text)}
	}
	return text, nil
}

// AnswerError is a gateway's answer that is no success.
type AnswerError struct {
	Method, URL string
	Status      int
	Reason      string
}

func (e *AnswerError) Error() string {
	return fmt.Sprintf("%s %s answers %d %s: %s", e.Method, e.URL, e.Status, http.StatusText(e.Status), e.Reason)
}

// reason is the detail of a problem document, or the text.
func reason(text []byte) string {
	var problem struct {
		Detail string `json:"detail"`
	}
	if json.Unmarshal(text, &problem) == nil && problem.Detail != "" {
		return problem.Detail
	}
	return strings.TrimSpace(string(text[:min(len(text), 500)]))
}

// Readings are what every gateway has counted for a route.
func (g Gateways) Readings(ctx context.Context, route string) ([]Reading, error) {
	all, err := g.Status(ctx)
	if err != nil {
		return nil, err
	}
	var readings []Reading
	for _, s := range all {
		r, err := s.reading(route)
		if err != nil {
			return nil, err
		}
		readings = append(readings, r)
	}
	return readings, nil
}

func (s Status) reading(route string) (Reading, error) {
	r, err := s.Route(route)
	if err != nil {
		return Reading{}, err
	}
	if r.Canary == nil {
		return Reading{}, fmt.Errorf("at %s route %q has no canary any more", s.Name, route)
	}
	out := Reading{Gateway: s.URL, Revision: s.Revision, Share: r.Canary.Percent, Bounds: s.Bounds}
	for _, side := range r.Sides {
		into := &out.Baseline
		if side.Role == "canary" {
			into = &out.Canary
		}
		*into = Side{Requests: side.Requests, Errors: side.Errors, Latency: side.Latency}
	}
	if r.Shadow != nil && r.Shadow.Owner == r.Canary.Owner {
		out.Shadow = Shadow{Matched: r.Shadow.Matched, Mismatched: r.Shadow.Mismatched, Failed: r.Shadow.Failed}
	}
	return out, nil
}
