package traffic

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"banyan.dev/strangler/internal/ledger"
)

// Load is a crowd of simulated users. Its methods are safe for concurrent use; Run may be called once.
type Load struct {
	config    Config
	now       func() time.Time
	tag       string // tells this run's accounts, keys and markers from those of other runs on the same blog
	users     []*user
	client    *client
	ledger    *ledger.Ledger
	recorder  *recorder
	register  *register
	catalogue *catalogue
	schedule  *schedule
	keys      atomic.Int64
	markers   atomic.Int64
	ready     chan struct{}

	gate   sync.RWMutex // held for reading by each operation, for writing by Check
	pauses atomic.Int64 // how often the gate was shut
}

// New checks the configuration and invites the users; nobody sends a request before Run.
func New(config Config) (*Load, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	l := &Load{
		config:    config,
		now:       time.Now,
		tag:       strings.ToLower(rand.Text()[:8]),
		client:    newClient(config.BaseURL, config.Deadline, config.Users),
		ledger:    ledger.New(time.Now),
		recorder:  newRecorder(time.Now),
		register:  newRegister(),
		catalogue: newCatalogue(),
		schedule:  newSchedule(config.Rate, mathrand.New(mathrand.NewPCG(uint64(config.Seed), 0))),
		ready:     make(chan struct{}),
	}
	for n := range config.Users {
		u, err := newUser(n, config.Seed, l.tag)
		if err != nil {
			return nil, fmt.Errorf("invite user %d: %w", n, err)
		}
		l.users = append(l.users, u)
	}
	return l, nil
}

// Run signs everybody up and lets them work until ctx ends; then it lets what is in flight settle, for at most the
// deadline, and returns nil. It returns an error if somebody could not get an account.
func (l *Load) Run(ctx context.Context) error {
	defer l.client.transport.CloseIdleConnections()
	if err := l.welcome(ctx); err != nil {
		return err
	}
	close(l.ready)
	working, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var running sync.WaitGroup
	l.serve(ctx, working, &running)
	grace := time.AfterFunc(l.config.Deadline, cut)
	defer grace.Stop()
	running.Wait()
	return nil
}

// welcome signs everybody up, a few at a time: hashing a password is work for the blog by intent.
func (l *Load) welcome(ctx context.Context) error {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for _, u := range l.users {
		group.Go(func() error {
			if err := l.act(within, u, l.now(), (*turn).signUp); err != nil {
				return fmt.Errorf("sign up %s at %s: %w", u.email, l.config.BaseURL(), err)
			}
			return nil
		})
	}
	return group.Wait()
}

// serve hands each arrival to a user who is free. When none is, it waits, and the wait counts: the operation was due
// before. Users take turns, so that each one's session is used about as often as another's.
func (l *Load) serve(ctx, working context.Context, running *sync.WaitGroup) {
	free := make(chan *user, len(l.users))
	for _, u := range l.users {
		free <- u
	}
	pauses := l.pauses.Load()
	l.schedule.restart(l.now())
	for {
		due := l.schedule.next()
		if !sleepUntil(ctx, due) {
			return
		}
		var u *user
		select {
		case <-ctx.Done():
			return
		case u = <-free:
		}
		l.gate.RLock()
		if seen := l.pauses.Load(); seen != pauses { // nobody was let in meanwhile, by our own will
			pauses, due = seen, time.Time{}
			l.schedule.restart(l.now())
		}
		running.Go(func() {
			defer func() { free <- u }()
			defer l.gate.RUnlock()
			_ = l.act(working, u, due, l.choice(u)) // a failure ends the operation, and is counted where it happened
		})
	}
}

func (l *Load) choice(u *user) func(*turn) error {
	return func(t *turn) error {
		if u.author {
			return choose(u.rnd, authors())(t)
		}
		return choose(u.rnd, readers())(t)
	}
}

// act lets one user do one thing. due is when it should begin; the zero time is now.
func (l *Load) act(ctx context.Context, u *user, due time.Time, do func(*turn) error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if due.IsZero() {
		due = l.now()
	}
	t := &turn{user: u, load: l, ctx: ctx, ticket: l.recorder.enter(), due: due}
	defer t.ticket.leave()
	err := do(t)
	l.schedule.spent(t.requests)
	return err
}

func sleepUntil(ctx context.Context, due time.Time) bool {
	timer := time.NewTimer(time.Until(due))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// Ready is closed when all users have their accounts and the schedule begins.
func (l *Load) Ready() <-chan struct{} { return l.ready }

// Begin starts a measuring window; a window still open closes, and what was counted in it remains in Total only.
func (l *Load) Begin(name string) { l.recorder.begin(name) }

// End ends the window. It first waits for what was begun in it to settle, which is bounded by the deadline; users go on
// meanwhile, outside any window.
func (l *Load) End() Window { return l.recorder.end(2 * l.config.Deadline) }

// Live is the open window as it stands, or the whole run when none is open.
func (l *Load) Live() Window { return l.recorder.live() }

// Total is the whole run so far, inside and outside windows, the sign-ups included.
func (l *Load) Total() Window { return l.recorder.sum() }

// ExpectSignOuts makes sign-outs expected, until stop, for sessions whose last signed-in answer came from a replica for which
// lives is true. It is given the X-Served-By header as it was sent ("monolith/monolith-0"), or "" when there
// was none. A session covered when stop is called stays excused until it is seen alive, since its user may notice
// late. stop returns how many expected sign-outs were met; lives must not block.
func (l *Load) ExpectSignOuts(lives func(replica string) bool) (stop func() int) {
	return l.register.expect(lives)
}

// Export writes the history of all writes as JSON lines.
func (l *Load) Export(w io.Writer) error { return l.ledger.Export(w) }
