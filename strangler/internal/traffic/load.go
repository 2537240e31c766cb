package traffic

import (
	"context"

	"banyan.dev/strangler/internal/ledger"
)

// Load is a crowd of simulated users. Its methods are safe for concurrent use; Run may be called once.
type Load struct {
	config Config
	ready  chan struct{}
}

// New checks the configuration and invites the users; nobody sends a request before Run.
func New(config Config) (*Load, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	return &Load{config: config, ready: make(chan struct{})}, nil
}

// Run signs everybody up and lets them work until ctx ends; then it finishes what is in flight, within the deadline.
func (l *Load) Run(ctx context.Context) error { <-ctx.Done(); return nil }

// Ready is closed when all users have their accounts and the schedule begins.
func (l *Load) Ready() <-chan struct{} { return l.ready }

// Begin starts a measuring window; a window still open ends.
func (l *Load) Begin(name string) {}

// End ends the window, after it waited for what was begun in it to settle (at most the deadline).
func (l *Load) End() Window { return Window{} }

// Live is the open window as it stands, or the whole run when none is open.
func (l *Load) Live() Window { return Window{} }

// Total is the whole run so far, inside and outside windows.
func (l *Load) Total() Window { return Window{} }

// ExpectSignOuts makes sign-outs expected for sessions whose last signed-in answer came from a replica for which
// lives is true. It is given the X-Served-By header as it was sent ("monolith/monolith-0"), or "" when there was none.
func (l *Load) ExpectSignOuts(lives func(replica string) bool) (stop func() int) {
	return func() int { return 0 }
}

// RollCall lets each user ask once "who am I", so that a sign-out is noticed now and not at the next signed-in request.
func (l *Load) RollCall(ctx context.Context) (signedIn, signedOut int, err error) { return 0, 0, nil }

// Check reads everything back and compares it with the ledger.
func (l *Load) Check(ctx context.Context) (ledger.Report, error) { return ledger.Report{}, nil }
