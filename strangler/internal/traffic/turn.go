package traffic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"banyan.dev/strangler/internal/ledger"
)

// maxReturns is how often a user signs in again for one request before giving it up.
const maxReturns = 4

var (
	// errCounted ends an operation whose failure is counted already.
	errCounted = errors.New("failed before, and counted there")
	// errAway ends an operation of a user who is signed out again and again, as somebody expects.
	errAway = errors.New("signed out, as expected")
)

// turn is one operation of one user, in one or several requests.
type turn struct {
	*user
	load   *Load
	ctx    context.Context
	ticket ticket
	// due is when the next request should start. The first is due by the schedule, however late its user came free.
	due      time.Time
	requests int
	signOuts int // how often the user was found signed out in it
}

// ask sends a request, measures it, and judges the answer. The error is nil for an answer that the request expects or
// tolerates; any other error has been counted, and ends the operation.
func (t *turn) ask(r request) (answer, error) {
	due := t.due
	a, err := t.askSignedIn(r)
	if err == nil {
		err = r.judge(a)
	}
	now := t.load.now()
	t.due = now
	t.requests++
	var failed *failure
	switch {
	case err == nil:
		t.ticket.settled(r.name, now.Sub(due))
		if r.session && !r.public {
			t.load.register.alive(t.user, a.servedBy())
		}
	case errors.As(err, &failed):
		why := fmt.Sprintf("%s: %s %s: %s", r.name, r.method, r.path, failed.why)
		t.ticket.failed(r.name, now.Sub(due), why)
		t.load.config.Logger.Warn("a request failed", "user", t.name, "operation", r.name, "why", why)
	}
	return a, err
}

// askSignedIn sends a request, and where it needs a session that is gone, signs in again and repeats it with the same key.
func (t *turn) askSignedIn(r request) (answer, error) {
	if r.session && !t.signedIn {
		if err := t.signIn(); err != nil {
			return answer{}, err
		}
	}
	for returns := 0; ; returns++ {
		a, err := t.load.client.settle(t.ctx, t.jar, r, t.ticket.retried)
		switch {
		case err != nil || !r.session:
			return a, err
		case saysSignedOut(a):
			if err := t.comeBack(a, returns); err != nil {
				return a, err
			}
		case r.hides(a):
			back, err := t.cameBack()
			if err != nil || !back {
				return a, err
			}
		default:
			return a, nil
		}
	}
}

// comeBack counts the sign-out that an answer tells of, and signs in again.
func (t *turn) comeBack(a answer, returns int) error {
	expected := t.foundSignedOut(a)
	switch {
	case returns >= maxReturns && expected:
		return errAway
	case returns >= maxReturns:
		return &failure{why: fmt.Sprintf("signed out again after signing in %d times", maxReturns), undone: true}
	}
	return t.signIn()
}

// hides is true for an answer that a visitor would get where the user expects their own.
func (r request) hides(a answer) bool {
	return r.public && a.status == http.StatusNotFound && !r.expects(a.status) && !r.tolerates(a.status)
}

// cameBack finds out whether the user is signed in at all, signs them in if not, and tells whether that was so.
func (t *turn) cameBack() (bool, error) {
	before := t.signOuts
	_, err := t.readAccount()
	return t.signOuts > before, counted(err)
}

// counted is the error of a request inside another one: whoever waited for it must not count it once more.
func counted(err error) error {
	var failed *failure
	if errors.As(err, &failed) {
		return fmt.Errorf("%w: %s", errCounted, failed.why)
	}
	return err
}

// saysSignedOut reads the answer to somebody who believes to be signed in: the API says 401, a page sends to the sign-in.
func saysSignedOut(a answer) bool {
	if a.status == http.StatusUnauthorized {
		return true
	}
	to, err := url.Parse(a.header.Get("Location"))
	return err == nil && a.status/100 == 3 && to.Path == "/sign-in"
}

func (t *turn) foundSignedOut(a answer) (expected bool) {
	t.signedIn = false
	t.signOuts++
	expected = t.load.register.lost(t.user)
	t.ticket.signedOut(expected)
	t.load.config.Logger.Info("a user was signed out", "user", t.name, "expected", expected, "told_by", a.servedBy())
	return expected
}

// judge holds an answer against the contract.
func (r request) judge(a answer) error {
	switch {
	case r.expects(a.status) && r.html && !a.isPage():
		return &failure{why: fmt.Sprintf("%s, %d bytes of %q, want a page", a.describe(), len(a.body), a.header.Get("Content-Type"))}
	case r.expects(a.status) && r.into != nil && a.status != http.StatusNoContent:
		if err := a.readInto(r.into); err != nil {
			return &failure{why: fmt.Sprintf("%s: %v", a.describe(), err)}
		}
		return nil
	case r.expects(a.status), r.tolerates(a.status):
		return nil
	}
	// Once an answer was lost, a refusal may be the answer to the second attempt at what the first one did.
	undone := a.status/100 == 4 && a.attempts == 1
	return &failure{why: fmt.Sprintf("%s, want %d", a.describe(), r.expect), undone: undone}
}

// write sends a request that the ledger must know of. It returns the ledger's number of the write, and what the
// answer shows of its aggregate; ok is false unless the write is acknowledged.
func (t *turn) write(op ledger.Op, r request) (id int64, made document, ok bool) {
	op.User, op.Window = t.email, t.ticket.window()
	r.session, r.into = true, &made
	id = t.load.ledger.Invoke(op)
	a, err := t.ask(r)
	if op.Aggregate != "" && made.ID == "" {
		made.ID = op.Aggregate // a deletion answers nothing
	}
	var failed *failure
	switch {
	case err == nil && r.tolerates(a.status) && a.attempts == 1:
		t.load.ledger.Refuse(id, a.describe())
	case errors.As(err, &failed) && failed.undone:
		t.load.ledger.Refuse(id, failed.why)
	case err != nil || r.tolerates(a.status) || made.ID == "":
		t.load.ledger.Doubt(id, fmt.Sprint(a.describe(), " ", err))
	default:
		t.load.ledger.Acknowledge(id, made.ID, made.Version)
		t.ticket.acknowledged()
		return id, made, true
	}
	return id, document{}, false
}

// newKey is an Idempotency-Key that nobody used before.
func (t *turn) newKey() string { return fmt.Sprintf("%s-%d", t.load.tag, t.load.keys.Add(1)) }

// newMarker is a word that stands in no other text.
func (t *turn) newMarker() string { return ledger.Marker(t.load.tag, t.load.markers.Add(1)) }
