package topology

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"sync"
	"time"

	"banyan.dev/gateway/internal/config"
)

const (
	every   = 5 * time.Second // how often each replica is asked
	patient = 2 * time.Second // longest wait for one
	atOnce  = 4               // replicas asked at the same time
)

// Target is a replica that tells what it uses.
type Target struct {
	Owner, Replica string
	URL            string
}

// URL is where a replica tells, of its own URL and the owner's configuration.
func URL(replica *url.URL, where config.Topology) string {
	u := *replica
	if where.Port != "" {
		u.Host = net.JoinHostPort(u.Hostname(), where.Port)
	}
	return u.Scheme + "://" + u.Host + where.Path
}

// Watch asks the targets over and over and keeps each one's last answer. It is safe
// for concurrent use.
type Watch struct {
	targets func() []Target
	logger  *slog.Logger
	client  *http.Client
	cancel  context.CancelFunc
	ended   chan struct{}

	mu      sync.Mutex
	answers map[Target]told
}

type told struct {
	answer Answer
	known  bool   // it has answered once
	wrong  string // why its last answer can't be read; logged once
}

// Begin asks what targets returns, which may change from one round to the next,
// until Close.
func Begin(targets func() []Target, logger *slog.Logger) *Watch { return begin(every, targets, logger) }

func begin(every time.Duration, targets func() []Target, logger *slog.Logger) *Watch {
	ctx, cancel := context.WithCancel(context.Background())
	w := &Watch{
		targets: targets, logger: logger, cancel: cancel, ended: make(chan struct{}), answers: map[Target]told{},
		client: &http.Client{
			Timeout: patient,
			// A replica speaks for itself: where it sends others is not its answer.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: longestAnswer},
		},
	}
	go w.run(ctx, every)
	return w
}

// Close ends asking, also what is under way.
func (w *Watch) Close() {
	w.cancel()
	<-w.ended
}

// Answer is the last answer of a replica. It stays when the replica no longer
// answers, as long as the configuration names it.
func (w *Watch) Answer(t Target) (Answer, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := w.answers[t]
	return found.answer, found.known
}

func (w *Watch) run(ctx context.Context, every time.Duration) {
	defer close(w.ended)
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		w.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// round asks everybody once, a few at a time, and forgets who is no longer there.
func (w *Watch) round(ctx context.Context) {
	targets := w.targets()
	w.forget(targets)
	var asking sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, t := range targets {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			asking.Wait()
			return
		}
		asking.Go(func() {
			defer func() { <-places }()
			answer, err := w.ask(ctx, t)
			w.keep(ctx, t, answer, err)
		})
	}
	asking.Wait()
}

func (w *Watch) forget(targets []Target) {
	w.mu.Lock()
	defer w.mu.Unlock()
	there := make(map[Target]bool, len(targets))
	for _, t := range targets {
		there[t] = true
	}
	for t := range w.answers {
		if !there[t] {
			delete(w.answers, t)
		}
	}
}

func (w *Watch) keep(ctx context.Context, t Target, answer Answer, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	found := w.answers[t]
	if err == nil {
		w.answers[t] = told{answer: answer, known: true}
		return
	}
	if why := err.Error(); found.wrong != why && ctx.Err() == nil {
		found.wrong = why
		w.answers[t] = found
		w.logger.InfoContext(ctx, "a replica doesn't tell what it uses", "owner", t.Owner, "replica", t.Replica, "error", err)
	}
}

func (w *Watch) ask(ctx context.Context, t Target) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.URL, nil)
	if err != nil {
		return Answer{}, fmt.Errorf("ask %s: %w", t.URL, err)
	}
	req.Header.Set("Accept", "application/json")
	res, err := w.client.Do(req)
	if err != nil {
		return Answer{}, fmt.Errorf("ask: %w", err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return Answer{}, fmt.Errorf("%s answered %d; name the path and port that tell (owners.%s.topology)", t.URL, res.StatusCode, t.Owner)
	}
	return parse(res.Body)
}
