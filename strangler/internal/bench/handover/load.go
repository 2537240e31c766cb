package handover

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"banyan.dev/strangler/internal/ledger"
)

// load is what users do. Each request begins when it is due, whatever became of those
// before it (an open loop), and its latency counts from then on: a blog that stands still
// can't hide whom it kept waiting (Tene's "coordinated omission").
type load struct {
	client *client
	users  []*user
	free   chan *user // who does nothing at this moment
	tag    string     // tells this run's accounts, keys and texts from those of others
	ledger *ledger.Ledger
	number atomic.Int64 // of comments

	mu       sync.Mutex
	samples  []sample
	failures []string
}

// sample is one request.
type sample struct {
	write     bool
	due, done time.Time
	late      time.Duration // how much later than due it began, for lack of processors or of a free user
	retries   int
	failed    bool
}

func (s sample) latency() time.Duration { return s.done.Sub(s.due) }

// maxFailures is how many are told in words.
const maxFailures = 20

func newLoad(c *client, users []*user, tag string) *load {
	l := &load{client: c, users: users, free: make(chan *user, len(users)), tag: tag, ledger: ledger.New(time.Now)}
	for _, u := range users {
		l.free <- u
	}
	return l
}

// begin lets requests come in until stop, which waits for those that are under way. When
// ctx ends they are cut off.
func (l *load) begin(ctx context.Context, writes, reads int) (stop func()) {
	coming, end := context.WithCancel(ctx)
	var all sync.WaitGroup
	stream := func(rate int, seed uint64, do func(*user, *rand.Rand, *sample) error) {
		if rate == 0 {
			return
		}
		all.Go(func() { l.arrive(coming, &all, rate, seed, do) })
	}
	stream(writes, 1, func(u *user, rnd *rand.Rand, s *sample) error { return l.write(ctx, u, rnd, s) })
	stream(reads, 2, func(u *user, _ *rand.Rand, s *sample) error { return l.read(ctx, u, s) })
	return func() {
		end()
		all.Wait()
	}
}

// arrive begins requests at the times of a Poisson process, which depend on the rate alone.
// A person does one thing at a time, as what a browser remembers of its last writes asks
// for; when nobody is free a request waits, and the wait counts.
func (l *load) arrive(ctx context.Context, all *sync.WaitGroup, rate int, seed uint64, do func(*user, *rand.Rand, *sample) error) {
	rnd := rand.New(rand.NewPCG(seed, uint64(rate)))
	gap := float64(time.Second) / float64(rate)
	next := time.Now()
	for {
		next = next.Add(time.Duration(rnd.ExpFloat64() * gap))
		due := next
		if !sleepUntil(ctx, due) {
			return
		}
		var u *user
		select {
		case <-ctx.Done():
			return
		case u = <-l.free:
		}
		own := rand.New(rand.NewPCG(rnd.Uint64(), seed))
		all.Go(func() {
			defer func() { l.free <- u }()
			s := sample{due: due, late: time.Since(due)}
			err := do(u, own, &s)
			s.done = time.Now()
			l.note(s, err)
		})
	}
}

func sleepUntil(ctx context.Context, due time.Time) bool {
	wait := time.Until(due)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	return pause(ctx, wait)
}

// write sends a comment, and keeps in the ledger what became of it.
func (l *load) write(ctx context.Context, u *user, rnd *rand.Rand, s *sample) error {
	s.write = true
	n, post := l.number.Add(1), u.posts[rnd.IntN(len(u.posts))]
	marker := ledger.Marker(l.tag, n)
	op := l.ledger.Invoke(ledger.Op{Kind: ledger.CreateComment, User: u.email, Parent: post, Marker: marker})
	a, err := l.client.settle(ctx, u.jar, request{
		method: http.MethodPost, path: "/api/v1/posts/" + post + "/comments", key: fmt.Sprintf("%s-%d", l.tag, n), want: http.StatusCreated,
		body: encode(map[string]string{"body": remark(rnd) + "\n\n" + marker}),
	})
	s.retries = a.attempts - 1
	var made document
	if err == nil {
		if err = json.Unmarshal(a.body, &made); err == nil && (made.ID == "" || made.Version < 1) {
			err = fmt.Errorf("the answer names no id or no version: %.200s", a.body)
		}
	}
	switch {
	case err == nil:
		l.ledger.Acknowledge(op, made.ID, made.Version)
		u.last = &written{op: op, id: made.ID}
	case a.status/100 == 4 && a.attempts == 1:
		l.ledger.Refuse(op, err.Error())
	default:
		l.ledger.Doubt(op, err.Error())
	}
	return err
}

// read opens the comment that the user wrote last: it must be there.
func (l *load) read(ctx context.Context, u *user, s *sample) error {
	last := u.last
	path := "/api/v1/accounts/me"
	if last != nil {
		path = "/api/v1/comments/" + last.id
	}
	a, err := l.client.settle(ctx, u.jar, request{method: http.MethodGet, path: path, want: http.StatusOK})
	s.retries = a.attempts - 1
	if err != nil && last != nil && a.status == http.StatusNotFound {
		l.ledger.Unseen(last.op, "the writer's next read says 404")
	}
	return err
}

func remark(rnd *rand.Rand) string {
	remarks := strings.Split(`Thank you, this is just what I was looking for.|We tried the same last year and had less luck with the weather.|`+
		`Could you say more about the second part?|I read this on the train and missed my stop.|Saved for the weekend.`, "|")
	return remarks[rnd.IntN(len(remarks))]
}

func (l *load) note(s sample, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		s.failed = true
		if len(l.failures) < maxFailures {
			l.failures = append(l.failures, err.Error())
		}
	}
	l.samples = append(l.samples, s)
}

// check reads everything back, each user what they wrote, and compares it with what was
// acknowledged.
func (l *load) check(ctx context.Context) (ledger.Report, error) {
	seen := map[string]ledger.Sighting{}
	for _, u := range l.users {
		for _, post := range u.posts {
			listed := map[string]int{}
			err := list(ctx, l.client, u.jar, "/api/v1/posts/"+post+"/comments", func(d document) {
				listed[d.ID]++
				seen[d.ID] = ledger.Sighting{
					Type: ledger.Comment, ID: d.ID, Version: d.Version, Markers: ledger.Markers(d.Body), Listed: max(listed[d.ID], seen[d.ID].Listed),
				}
			})
			if err != nil {
				return ledger.Report{}, fmt.Errorf("read the comments of post %s back: %w", post, err)
			}
		}
	}
	var snapshot ledger.Snapshot
	for _, s := range seen {
		snapshot = append(snapshot, s)
	}
	return ledger.Check(l.ledger.History(), snapshot), nil
}
