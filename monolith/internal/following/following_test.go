package following_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/following"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a hand-over with the walls off: the row of this side, and who would let a
// write pass. A test moves both, also in the middle of a call.
type house struct {
	mu    sync.Mutex
	row   ownership.Row
	owner string // whose database lets writes pass; empty: nobody's
	asked []string
	keys  []string
	fails map[string]error  // what a host says whoever owns
	meet  func(host string) // called when a host is asked
}

func (h *house) Row(context.Context) (ownership.Row, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.row, nil
}

func (h *house) is(state ownership.State, epoch int64, owner string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.row, h.owner = ownership.Row{State: state, Epoch: epoch}, owner
}

func (h *house) ask(host string) error {
	if h.meet != nil {
		h.meet(host)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, host)
	if err := h.fails[host]; err != nil {
		return err
	}
	if h.owner != host {
		return &ownership.NotOwnerError{Resource: "comments", Side: host, Epoch: h.row.Epoch}
	}
	return nil
}

// host is one of the two that may own. What a test does not use of it is not there.
type host struct {
	comments.UseCases
	*house
	name string
}

func (h host) Write(_ context.Context, v contracts.Viewer, postID, body string, key contracts.Key) (contracts.Comment, bool, error) {
	h.mu.Lock()
	h.keys = append(h.keys, key.Value)
	h.mu.Unlock()
	return contracts.Comment{ID: h.name, PostID: postID, Body: body, Author: v.Person}, false, h.ask(h.name)
}

func (h host) Delete(context.Context, contracts.Viewer, string, int) error { return h.ask(h.name) }

func (h host) Get(context.Context, contracts.Viewer, string) (contracts.Comment, error) {
	return contracts.Comment{ID: h.name}, h.fails[h.name]
}

func (h host) ByIDs(context.Context, []string) (map[string]contracts.Comment, error) {
	return map[string]contracts.Comment{h.name: {}}, h.fails[h.name]
}

func (h host) Latest(context.Context, []string, int) (map[string][]contracts.Comment, error) {
	return map[string][]contracts.Comment{h.name: nil}, h.fails[h.name]
}

// rig is the use cases over a house in which the monolith owns at epoch 1.
type rig struct {
	*house
	t     *testing.T
	cases *following.Comments
	lists *following.Lists
}

func newRig(t *testing.T) *rig {
	h := &house{fails: map[string]error{}}
	h.is(ownership.Owner, 1, "here")
	owner := following.New(following.Config{Side: h})
	here, there := host{house: h, name: "here"}, host{house: h, name: "there"}
	return &rig{h, t, owner.Comments(here, there), owner.Lists(here, there)}
}

func (r *rig) writes() (by string, err error) {
	c, _, err := r.cases.Write(r.t.Context(), contracts.Viewer{}, "post", "Hello", contracts.Key{})
	return c.ID, err
}

func (r *rig) reads() string {
	r.t.Helper()
	c, err := r.cases.Get(r.t.Context(), contracts.Viewer{}, "comment")
	require.NoError(r.t, err)
	return c.ID
}

var away = problem.New(httpkit.Unavailable, "the comments service does not answer")

// TestTheRowIsAskedAtEachCall: nobody is told when ownership moves, and nothing of the
// call before is remembered.
func TestTheRowIsAskedAtEachCall(t *testing.T) {
	r := newRig(t)
	for i, state := range []ownership.State{ownership.Owner, ownership.Follower, ownership.Owner, ownership.Follower} {
		want := map[ownership.State]string{ownership.Owner: "here", ownership.Follower: "there"}[state]
		r.is(state, int64(i+1), want)
		by, err := r.writes()
		require.NoError(t, err)
		require.Equal(t, want, by)
		require.Equal(t, want, r.reads())
		lists, err := r.lists.ByIDs(t.Context(), nil)
		require.NoError(t, err)
		require.Contains(t, lists, want)
	}
	require.Equal(t, []string{"here", "there", "here", "there"}, r.asked, "each of them once")
}

// TestAWriteGoesOnAtTheNewOwnerWhenItIsFencedInMidCall: the row said that this side owns,
// its database said no, and then the other one took. It is the same write all the time.
func TestAWriteGoesOnAtTheNewOwnerWhenItIsFencedInMidCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.meet = func(string) { r.meet = nil; r.is(ownership.Fenced, 1, "") }
		go func() {
			time.Sleep(50 * time.Millisecond) // of the bubble's clock
			r.mu.Lock()
			r.owner = "there" // this side's row does not tell
			r.mu.Unlock()
		}()
		began := time.Now()
		by, err := r.writes()
		require.NoError(t, err)
		require.Equal(t, "there", by)
		require.Equal(t, "here", r.asked[0])
		require.Less(t, time.Since(began), 200*time.Millisecond, "it looks often at first: a hand-over takes milliseconds")
		require.NotEmpty(t, r.keys[0], "a write without a key gets one")
		for _, key := range r.keys {
			require.Equal(t, r.keys[0], key, "the same one for each attempt: what was done and not answered is not done twice")
		}
		require.Equal(t, "there", r.reads(), "who wrote there reads there, though this side was not demoted yet")
		r.is(ownership.Fenced, 3, "")
		require.Equal(t, "here", r.reads(), "fenced in a later epoch, it has all again")
	})
}

// TestAWriteComesBackWhenTheHandoverIsGivenUp: the other side never took.
func TestAWriteComesBackWhenTheHandoverIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.is(ownership.Fenced, 1, "")
		r.fails["there"] = away
		go func() { time.Sleep(time.Second); r.is(ownership.Owner, 3, "here") }()
		by, err := r.writes()
		require.NoError(t, err)
		require.Equal(t, "here", by, "that the other side did not answer counts while nobody owns")
	})
}

func TestAHandoverThatLastsIsNotWaitedForLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, began := newRig(t), time.Now()
		r.is(ownership.Fenced, 1, "")
		_, err := r.writes()
		require.True(t, problem.Is(err, httpkit.Unavailable), "%v", err)
		require.ErrorContains(t, err, "being handed over: try again")
		require.LessOrEqual(t, time.Since(began), 5*time.Second)
		require.Greater(t, time.Since(began), 4*time.Second)
		require.Less(t, len(r.asked), 40, "it does not hammer on who is busy")

		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, r.cases.Delete(ctx, contracts.Viewer{}, "comment", 1), context.DeadlineExceeded)
	})
}

// TestWhatHasNothingToDoWithAHandoverIsNotTriedAgain: least of all a service that is away
// while it owns: who reads the page waits behind it.
func TestWhatHasNothingToDoWithAHandoverIsNotTriedAgain(t *testing.T) {
	for name, err := range map[string]error{
		"away": away, "not there": problem.New(problem.NotFound, "no such comment"), "broken": errors.New("connection reset"),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.is(ownership.Follower, 2, "there")
			r.fails["there"] = err
			require.Equal(t, err, r.cases.Delete(t.Context(), contracts.Viewer{}, "comment", 1))
			require.Equal(t, []string{"there"}, r.asked)
		})
	}
}

// TestPostsAreShownWithoutTheirLatestComments: what needs each comment is an error, what
// only shows some goes without.
func TestPostsAreShownWithoutTheirLatestComments(t *testing.T) {
	r := newRig(t)
	r.is(ownership.Follower, 2, "there")
	r.fails["there"] = away
	latest, err := r.lists.Latest(t.Context(), []string{"post"}, 3)
	require.NoError(t, err)
	require.Empty(t, latest)
	_, err = r.lists.ByIDs(t.Context(), []string{"comment"})
	require.Equal(t, error(away), err)
	r.fails["there"] = errors.New("no such table")
	_, err = r.lists.Latest(t.Context(), []string{"post"}, 3)
	require.ErrorContains(t, err, "no such table", "only what passes is left out")
}
