package handover_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
)

// given is a walk in which only one coordinator acts.
func given(t *testing.T) (*walk, *tool) {
	t.Helper()
	t.Parallel()
	w := newWalk(t, newSites(t, allRules()), allRules(), func(int) int { return 0 })
	t.Cleanup(w.stop)
	return w, w.tools[0]
}

func (w *walk) rows() string {
	return w.sites[0].look(w.t).Row.String() + ", " + w.sites[1].look(w.t).Row.String()
}

func TestMoveReportsHowItWent(t *testing.T) {
	w, tool := given(t)
	tool.start("comments")
	w.until(tool, "fence monolith")
	require.True(t, w.now.Before(w.held), "the gates are closed first")
	w.until(tool, "pause")
	w.now = w.now.Add(40 * time.Millisecond)
	w.until(tool, "demote monolith")
	require.False(t, w.now.Before(w.held), "users wait for the take, not for the demotion")
	w.until(tool, theEnd)
	require.NoError(t, tool.err)
	require.Equal(t, "follower at 2, owner at 2", w.rows())
	require.Equal(t, "comments", tool.outcome.Owner)
	require.Equal(t, int64(2), tool.outcome.Epoch)
	require.GreaterOrEqual(t, tool.outcome.Unowned, 40*time.Millisecond)
	require.GreaterOrEqual(t, tool.outcome.Held, tool.outcome.Unowned)

	tool.start("comments")
	w.until(tool, theEnd)
	require.NoError(t, tool.err, "it is so already")
	require.Zero(t, tool.outcome.Held)
}

// That some requests take longer than they are waited for is how it goes under load, and
// a warning would be one too many; a gateway that says nothing is another matter.
func TestWhoIsNotWaitedForIsToldApart(t *testing.T) {
	for _, c := range []struct {
		name      string
		settles   error
		told, not string
	}{
		{"all are answered", nil, "hand-over: held", "WARN"},
		{"some take longer", fmt.Errorf("%w: 3", handover.ErrUnderWay), "level=INFO msg=\"hand-over: some requests take longer, and meet the fence\" resource=comments waited=50ms", "WARN"},
		{"a gateway is silent", errDown, "level=WARN msg=\"hand-over: requests under way are not waited for\" resource=comments error=\"connection refused\"", "meet the fence"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, tool := given(t)
			var log bytes.Buffer
			w.settles, w.logger = c.settles, slog.New(slog.NewTextHandler(&log, nil))
			tool.start("comments")
			w.until(tool, theEnd)
			require.NoError(t, tool.err, "and it goes on all the same")
			require.Contains(t, log.String(), c.told)
			require.NotContains(t, log.String(), c.not)
		})
	}
}

func TestWhatIsNotReadyIsNotBegun(t *testing.T) {
	w, tool := given(t)
	require.NoError(t, w.sites[1].passOver(t.Context(), event{ID: 1, Aggregate: "a1", Version: 1, Key: "k"}))
	tool.start("comments")
	w.until(tool, theEnd)
	require.ErrorIs(t, tool.err, ownership.ErrNotReady)
	require.ErrorContains(t, tool.err, "hand comments over to comments: can't own comments yet: 1 open dead letters")
	require.Equal(t, "owner at 1, follower at 0", w.rows())
	require.Zero(t, w.held, "no request was held")
}

func TestAFenceThatWritersKeepOutChangesNothing(t *testing.T) {
	w, tool := given(t)
	a := &attempt{pending: w.writes[0]}
	w.writes[0].attempts = append(w.writes[0].attempts, a)
	a.began(a.begin(w.sites[0]))
	tool.start("comments")
	w.until(tool, theEnd)
	require.ErrorIs(t, tool.err, ownership.ErrBusy)
	require.Equal(t, "owner at 1, follower at 0", w.rows())
	require.False(t, w.now.Before(w.held), "the gates are open again")
}

func TestWhatDoesNotArriveInTimeIsGivenUp(t *testing.T) {
	w, tool := given(t)
	tool.start("comments")
	w.until(tool, "pause")
	w.now = w.now.Add(3 * time.Second)
	w.until(tool, theEnd)
	require.ErrorIs(t, tool.err, handover.ErrGaveUp)
	require.ErrorContains(t, tool.err, "comments had not taken 2s after the fence")
	require.Equal(t, "owner at 3, follower at 2", w.rows())
	require.Equal(t, "monolith", tool.outcome.Owner)
	require.Equal(t, int64(3), w.routedEpoch, "told like any other outcome")
}

// A dead letter that comes in after the fence is not waited for.
func TestADeadLetterAfterTheFenceEndsItAtOnce(t *testing.T) {
	w, tool := given(t)
	w.written(0)
	tool.start("comments")
	w.until(tool, "take comments")
	ctx := context.Background()
	w.must(w.sites[0].relay(ctx, 0, false))
	e, more := w.sites[1].next(0)
	require.True(t, more)
	w.must(w.sites[1].passOver(ctx, e))
	w.sites[1].read[0]++
	w.until(tool, theEnd)
	require.ErrorIs(t, tool.err, handover.ErrGaveUp)
	require.ErrorContains(t, tool.err, "1 open dead letters")
	require.Equal(t, "owner at 3, follower at 2", w.rows())
}

// The old owner's host dies behind the fence, with all that it wrote on its way: the
// other one takes without it, and demoting it waits.
func TestTheOldOwnerMayDieBehindTheFence(t *testing.T) {
	w, tool := given(t)
	tool.start("comments")
	w.until(tool, "take comments")
	w.sites[0].down = true
	w.until(tool, "demote monolith")
	require.Equal(t, "fenced at 1, owner at 2", w.rows())
	require.Equal(t, int64(2), w.routedEpoch)
	tool.step(runs)
	require.Equal(t, "pause", tool.at, "it waits for it")
	w.sites[0].down = false
	w.until(tool, theEnd)
	require.NoError(t, tool.err)
	require.Equal(t, "follower at 2, owner at 2", w.rows())
}

// The new owner's host dies behind the fence: nobody can take, and nobody can bar.
func TestTheNewOwnerMayDieBehindTheFence(t *testing.T) {
	w, tool := given(t)
	tool.start("comments")
	w.until(tool, "take comments")
	w.sites[1].down = true
	for range 10 {
		tool.step(runs)
	}
	tool.cancel()
	for tool.busy {
		tool.step(runs)
	}
	require.ErrorIs(t, tool.err, handover.ErrUnfinished)
	require.ErrorContains(t, tool.err, "monolith is fenced at 1 and comments is follower at 0: unless the latter owns, writes get 503 until this is run again")
	w.sites[1].down = false
	tool.start("monolith")
	w.until(tool, theEnd)
	require.NoError(t, tool.err)
	require.Equal(t, "owner at 3, follower at 2", w.rows())
}

// A host dies right behind the fence's answer, before the rows are read again: what the
// answer said is known.
func TestAHostMayDieRightBehindTheFencesAnswer(t *testing.T) {
	t.Run("the old owner", func(t *testing.T) {
		w, tool := given(t)
		tool.start("comments")
		w.until(tool, "fence monolith")
		tool.step(runs)
		w.sites[0].down = true
		w.until(tool, "demote monolith")
		require.Equal(t, "fenced at 1, owner at 2", w.rows(), "the other one takes without it")
		w.sites[0].down = false
		w.until(tool, theEnd)
		require.NoError(t, tool.err)
	})
	for _, c := range []struct {
		dies       string
		site       int
		asked, how string
		told       string
	}{
		{"the new owner", 1, "fence monolith", "answers", "monolith is fenced at 1"},
		{"the old owner in the fence", 0, "fence monolith", "is lost", "monolith was asked to fence at 1, and did not answer"},
		{"the new owner behind the demotion's", 1, "demote monolith", "answers", "monolith is follower at 2 and comments is owner at 2, and only the last look"},
	} {
		t.Run(c.dies, func(t *testing.T) {
			w, tool := given(t)
			tool.start("comments")
			w.until(tool, c.asked)
			tool.step(map[string]verdict{"answers": runs, "is lost": losesAnswer}[c.how])
			w.sites[c.site].down = true
			for range 10 {
				tool.step(runs)
			}
			tool.cancel()
			for tool.busy {
				tool.step(runs)
			}
			require.ErrorContains(t, tool.err, c.told, "and not: nothing was begun")
		})
	}
}

// Who has moved it leaves it to whoever moves it on, from the take on: it may be moved on
// while the gateways are told.
func TestWhatSomebodyMovesOnIsLeftToThem(t *testing.T) {
	for _, c := range []struct{ name, stands, otherStands string }{
		{"while it demotes, halfway", "demote monolith", "take monolith"},
		{"while it demotes", "demote monolith", theEnd},
		{"while it routes, halfway", "route comments", "take monolith"},
		{"while it routes", "route comments", theEnd},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, tool := given(t)
			other := w.tools[1]
			tool.start("comments")
			w.until(tool, c.stands)
			other.start("monolith")
			w.until(other, c.otherStands)
			w.until(tool, theEnd)
			require.ErrorIs(t, tool.err, handover.ErrMovedOn)
			w.until(other, theEnd)
			require.NoError(t, other.err)
			require.Equal(t, "owner at 3, follower at 3", w.rows())
		})
	}
}

// A database was brought back from a backup: both say that they own.
func TestRowsThatContradictEachOtherNeedAPerson(t *testing.T) {
	w, tool := given(t)
	w.sites[1].exec(t, "UPDATE ownership SET state = 'owner', epoch = 2")
	tool.start("comments")
	w.until(tool, theEnd)
	require.ErrorIs(t, tool.err, handover.ErrContradiction)
	require.ErrorContains(t, tool.err, "monolith is owner at 1 and comments is owner at 2: stop all writes")
	require.Equal(t, "owner at 1, owner at 2", w.rows(), "and nothing is done")
}

// The routes say more than the rows: they are not from here.
func TestRoutesOfAnEpochThatNeverWasNeedAPerson(t *testing.T) {
	w, tool := given(t)
	w.routedEpoch = 9
	tool.start("monolith")
	w.until(tool, theEnd)
	require.ErrorIs(t, tool.err, handover.ErrContradiction)
	require.ErrorContains(t, tool.err, "monolith owns at epoch 1: the routes are of a newer epoch")
}

func TestNewNamesTheMistake(t *testing.T) {
	_, err := handover.New(handover.Config{})
	require.ErrorContains(t, err, "Resource is empty")
	_, err = handover.New(handover.Config{Resource: "comments"})
	require.ErrorContains(t, err, "a side is missing")
	w := &walk{sites: [2]*site{{name: "monolith"}, {name: "comments"}}}
	a, b := &remote{&tool{w: w}, 0}, &remote{&tool{w: w}, 1}
	_, err = handover.New(handover.Config{Resource: "comments", Sides: [2]handover.Side{a, a}})
	require.ErrorContains(t, err, `both sides are called "monolith"`)
	_, err = handover.New(handover.Config{Resource: "comments", Sides: [2]handover.Side{a, b}})
	require.ErrorContains(t, err, "Gateways or Router")
	c, err := handover.New(handover.Config{Resource: "comments", Sides: [2]handover.Side{a, b}, Gateways: &gates{}, Router: &router{}})
	require.NoError(t, err)
	_, err = c.Move(t.Context(), "posts")
	require.ErrorContains(t, err, `hand comments over to "posts": use monolith or comments`)
}
