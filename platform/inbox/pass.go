package inbox

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// condemned is why an event is passed over instead of handled.
type condemned struct {
	kind     string
	reason   string
	attempts int
	first    time.Time // of the attempts
}

// The kinds of dead letters.
const (
	KindMalformed = "malformed" // no event at all
	KindPermanent = "permanent" // the handler says that no retry mends it
	KindExhausted = "exhausted" // it failed again and again
	KindLate      = "late"      // it came after its turn was given up
)

// outcome counts what one transaction did.
type outcome struct {
	applied    int
	duplicates int
	older      int
	parked     int
	gaps       int
	buried     []deadLetter
	delays     []time.Duration // from minted to applied
	begun      time.Time       // when the handler was called
	handled    []Event
	waiting    int       // in this partition, afterwards
	wake       time.Time // when the first of them has waited long enough
}

// pass is one transaction over items of one partition: all of it is kept, or nothing.
type pass struct {
	w         *worker
	tx        *gorm.DB
	items     []item
	condemned map[string]condemned
	at        time.Time // the database's clock

	outcome outcome
	turns   []event // in the order they are handled
	last    string  // the id of the event handled last, for errors that come later
}

// event is one whose turn it is.
type event struct {
	Event
	item item // as it came, should it become a dead letter
}

// run does it all: move the position, remember what came, order it, handle it.
func (p *pass) run(ctx context.Context) error {
	position, err := p.move()
	if err != nil {
		return err
	}
	p.at = position.now
	p.outcome.waiting = position.waiting
	fresh, err := p.remember()
	if err != nil {
		return err
	}
	if p.w.cfg.Kind == Changes {
		err = p.order(fresh)
	} else {
		err = p.straight(fresh)
	}
	if err == nil {
		err = p.handle(ctx)
	}
	if err == nil {
		err = p.bury()
	}
	if err == nil {
		err = p.correct(position, len(fresh) > 0)
	}
	return err
}

// remember writes the inbox rows and returns the items that are no duplicates. While
// another transaction holds one of the rows, this one waits for its end.
func (p *pass) remember() ([]item, error) {
	if len(p.items) == 0 {
		return nil, nil
	}
	ids := make([]string, len(p.items))
	for i := range p.items {
		ids[i] = p.items[i].event.ID
	}
	var written []string
	err := p.tx.Raw(`INSERT INTO inbox_events (consumer, event_id) SELECT ?, unnest(?::uuid[]) ON CONFLICT DO NOTHING RETURNING event_id`,
		p.w.cfg.Consumer, array(ids)).Scan(&written).Error
	if err != nil {
		return nil, fmt.Errorf("insert inbox rows: %w", err)
	}
	isNew := make(map[string]bool, len(written))
	for _, id := range written {
		isNew[id] = true
	}
	fresh := make([]item, 0, len(written))
	for _, it := range p.items {
		if isNew[it.event.ID] {
			isNew[it.event.ID] = false // the same one again, in the same batch
			fresh = append(fresh, it)
		}
	}
	p.outcome.duplicates += len(p.items) - len(fresh)
	return fresh, nil
}

// array is a list of texts as PostgreSQL writes arrays (its manual, 8.15.6). It is a
// string, since gorm spreads slices.
func array(texts []string) string {
	out := []byte{'{'}
	for i, text := range texts {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, '"')
		for _, c := range []byte(text) {
			if c == '"' || c == '\\' {
				out = append(out, '\\')
			}
			out = append(out, c)
		}
		out = append(out, '"')
	}
	return string(append(out, '}'))
}

// straight is the order of a handler of state: as they come.
func (p *pass) straight(fresh []item) error {
	for _, it := range fresh {
		p.admit(it)
	}
	return nil
}

// admit lets an item have its turn, or puts it aside.
func (p *pass) admit(it item) {
	switch c, is := p.condemned[it.event.ID]; {
	case it.bad != nil:
		p.aside(it, condemned{kind: KindMalformed, reason: it.bad.Error(), attempts: 1, first: p.at})
	case is:
		p.aside(it, c)
	default:
		p.turns = append(p.turns, event{it.event, it})
	}
}

func (p *pass) aside(it item, c condemned) {
	p.outcome.buried = append(p.outcome.buried, newDeadLetter(p.w.cfg, it, c, p.at))
}

// handle calls the handler: for all at once, or, when a failure was narrowed down to
// one item, for each by itself, so that it is known who fails.
func (p *pass) handle(ctx context.Context) error {
	events := make([]Event, len(p.turns))
	for i := range p.turns {
		events[i] = p.turns[i].Event
	}
	p.outcome.begun = time.Now()
	var err error
	switch {
	case len(events) == 0:
	case len(p.items) > 1:
		p.last = events[len(events)-1].ID
		if err = call(func() error { return p.w.cfg.Handler.Handle(ctx, p.tx, events) }); err != nil {
			err = &unblamed{err}
		}
	default:
		err = p.handleEach(ctx, events)
	}
	if err != nil {
		return err
	}
	p.outcome.applied, p.outcome.handled = len(events), events
	for _, e := range events {
		p.outcome.delays = append(p.outcome.delays, p.at.Sub(e.Time))
	}
	return nil
}

func (p *pass) handleEach(ctx context.Context, events []Event) error {
	for i, e := range events {
		p.last = e.ID
		err := call(func() error { return p.w.cfg.Handler.Handle(ctx, p.tx, events[i:i+1]) })
		if err == nil && i+1 < len(events) {
			err = p.tx.Exec(`SELECT 1`).Error // it may have swallowed an error
		}
		if err != nil {
			return Blame(e, err)
		}
	}
	return nil
}

// unblamed is a handler's error about some of its events.
type unblamed struct{ err error }

func (u *unblamed) Error() string { return u.err.Error() }
func (u *unblamed) Unwrap() error { return u.err }

// explain finds whose fault an error is that came after the handler: one that
// swallowed an error of the database leaves a transaction that can't go on, which is
// rolled back when it is to be committed, and what is checked at the commit is the
// handler's too.
func (p *pass) explain(err error) error {
	var b *blamed
	var u *unblamed
	if err == nil || p.last == "" || errors.As(err, &b) || errors.As(err, &u) {
		return err
	}
	switch {
	case !isHandlers(err):
		return err
	case len(p.items) > 1:
		return &unblamed{err}
	}
	return &blamed{p.last, err}
}

func isHandlers(err error) bool {
	if errors.Is(err, pgx.ErrTxCommitRollback) {
		return true
	}
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "25P02" || strings.HasPrefix(pg.Code, "23"))
}
