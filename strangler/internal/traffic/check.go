package traffic

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"banyan.dev/strangler/internal/ledger"
)

// readers at a time, for what is asked of all users.
const atOnce = 8

// Check reads everything back over the public API, each thing as its author, and compares it with the ledger. While Run
// is at work, arrivals wait until the check is over and are not counted as late: call it between windows, or
// after Run. An error means that something could not be read, so that nothing can be said.
func (l *Load) Check(ctx context.Context) (ledger.Report, error) {
	l.gate.Lock()
	defer l.gate.Unlock()
	l.pauses.Add(1)
	defer l.client.transport.CloseIdleConnections()

	history := l.ledger.History()
	seen := &album{sightings: map[string]*ledger.Sighting{}}
	errands := errandsOf(history)
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, u := range l.users {
		e := errands[u.email]
		if u.id == "" || e == nil {
			continue
		}
		group.Go(func() error {
			if err := l.quietly(within, u, func(t *turn) error { return t.readBackSignedIn(e, seen) }); err != nil {
				return fmt.Errorf("read back what %s wrote: %w", u.email, err)
			}
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return ledger.Report{}, err
	}
	return ledger.Check(history, seen.snapshot()), nil
}

// RollCall lets each user who believes to be signed in ask "who am I", so that a sign-out is noticed now and not at the
// next request that needs a session. It counts who still was signed in and who was not (they are again,
// afterwards). Its requests are not measured; the sign-outs it finds count as any others.
func (l *Load) RollCall(ctx context.Context) (signedIn, signedOut int, err error) {
	var still, lost atomic.Int64
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, u := range l.users {
		group.Go(func() error {
			return l.quietly(within, u, func(t *turn) error {
				if !t.signedIn {
					return nil
				}
				err := t.whoAmI()
				switch {
				case t.signOuts > 0:
					lost.Add(1)
				case err == nil:
					still.Add(1)
				}
				if errors.Is(err, errAway) {
					return nil
				}
				return err
			})
		})
	}
	err = group.Wait()
	return int(still.Load()), int(lost.Load()), err
}

// quietly is act without measuring: only sign-outs count.
func (l *Load) quietly(ctx context.Context, u *user, do func(*turn) error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	admitted := l.recorder.enter()
	defer admitted.leave()
	admitted.quiet = true
	return do(&turn{user: u, load: l, ctx: ctx, ticket: admitted, due: l.now()})
}

// errand is what one user has to read back.
type errand struct {
	posts     map[string]bool // they wrote to
	commented map[string]bool // posts they commented on
	comments  map[string]bool // they wrote to
}

// errandsOf splits what a history touched by who may read it: drafts and held comments show to their authors only.
func errandsOf(history []ledger.Op) map[string]*errand {
	errands := map[string]*errand{}
	for _, op := range history {
		e := errands[op.User]
		if e == nil {
			e = &errand{posts: map[string]bool{}, commented: map[string]bool{}, comments: map[string]bool{}}
			errands[op.User] = e
		}
		switch {
		case op.Kind.Type() == ledger.Comment:
			e.commented[op.Parent] = true
			e.comments[op.Aggregate] = true
		case op.Aggregate != "":
			e.posts[op.Aggregate] = true
		}
	}
	return errands
}

// readBackSignedIn makes sure that the user was signed in all the while: to a visitor drafts and held comments are as
// good as lost. Reading twice is harmless, as the album keeps each thing once.
func (t *turn) readBackSignedIn(e *errand, seen *album) error {
	for range maxReturns {
		if err := t.whoAmI(); err != nil {
			return err
		}
		before := t.signOuts
		if err := t.readBack(e, seen); err != nil {
			return err
		}
		if err := t.whoAmI(); err != nil || t.signOuts == before {
			return err
		}
	}
	return fmt.Errorf("signed out while reading, %d times", maxReturns)
}

// readBack shows one user's errand to the album. Posts are listed too: a second copy has an id that nobody was told.
func (t *turn) readBack(e *errand, seen *album) error {
	if t.author {
		listed := map[string]int{}
		err := t.pages("/api/v1/posts?mine=true&limit=100", func(d document) { listed[d.ID]++ })
		if err != nil {
			return fmt.Errorf("list the own posts: %w", err)
		}
		for id := range listed {
			e.posts[id] = true
		}
		for id := range e.posts {
			if err := t.readBackPost(id, listed[id], seen); err != nil {
				return fmt.Errorf("read post %s: %w", id, err)
			}
		}
	}
	for post := range e.commented {
		listed := map[string]int{}
		err := t.pages("/api/v1/posts/"+post+"/comments?limit=100", func(d document) {
			listed[d.ID]++
			if markers := ledger.Markers(d.Body); len(markers) > 0 || e.comments[d.ID] {
				seen.add(ledger.Sighting{Type: ledger.Comment, ID: d.ID, Version: d.Version, Markers: markers, Listed: listed[d.ID]})
			}
		})
		if err != nil {
			return fmt.Errorf("list the comments of post %s: %w", post, err)
		}
	}
	return nil
}

func (t *turn) readBackPost(id string, listed int, seen *album) error {
	var d document
	a, err := t.ask(request{
		name: "read back", method: http.MethodGet, path: "/api/v1/posts/" + id, session: true, public: true,
		expect: []int{http.StatusOK}, tolerate: among(http.StatusNotFound, http.StatusGone), into: &d,
	})
	if err != nil || a.status != http.StatusOK {
		return err
	}
	seen.add(ledger.Sighting{
		Type: ledger.Post, ID: id, Version: d.Version, Markers: ledger.Markers(d.Body),
		Published: d.Status == "published", Listed: listed,
	})
	return nil
}

// pages goes through a listing to its end. One that is not there shows nothing.
func (t *turn) pages(path string, each func(document)) error {
	next := path
	for {
		var page list[document]
		_, err := t.ask(request{
			name: "read back", method: http.MethodGet, path: next, session: true, public: true,
			expect: []int{http.StatusOK}, tolerate: among(http.StatusNotFound, http.StatusGone), into: &page,
		})
		if err != nil {
			return err
		}
		for _, d := range page.Items {
			each(d)
		}
		if page.Next == "" {
			return nil
		}
		if following := path + after(page.Next); following != next {
			next = following
			continue
		}
		return fmt.Errorf("the page after cursor %q is that page again", page.Next)
	}
}

// album collects what all users see, each thing once. It is safe for concurrent use.
type album struct {
	mu        sync.Mutex
	sightings map[string]*ledger.Sighting
}

// add keeps a sighting; where several users saw the same thing, the listing that repeats it most counts.
func (a *album) add(s ledger.Sighting) {
	a.mu.Lock()
	defer a.mu.Unlock()
	key := string(s.Type) + " " + s.ID
	if had := a.sightings[key]; had != nil {
		s.Listed = max(s.Listed, had.Listed)
	}
	a.sightings[key] = &s
}

func (a *album) snapshot() ledger.Snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all ledger.Snapshot
	for _, s := range a.sightings {
		all = append(all, *s)
	}
	return all
}
