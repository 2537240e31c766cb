package handover_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
)

func row(s ownership.State, epoch int64) ownership.Row { return ownership.Row{State: s, Epoch: epoch} }

const (
	owner    = ownership.Owner
	fenced   = ownership.Fenced
	follower = ownership.Follower
)

func TestDecide(t *testing.T) {
	const e = 5
	for _, c := range []struct {
		a, b   ownership.Row
		wanted int
		want   handover.Next
	}{
		{row(owner, 1), row(follower, 0), 0, handover.Next{Step: handover.StepDone, At: 0, Epoch: 1}},
		{row(owner, 1), row(follower, 0), 1, handover.Next{Step: handover.StepFence, At: 0, Epoch: 1}},
		{row(fenced, e), row(follower, e-1), 1, handover.Next{Step: handover.StepTake, At: 1, Epoch: e}},
		{row(fenced, e), row(follower, e), 0, handover.Next{Step: handover.StepBar, At: 1, Epoch: e}},
		{row(fenced, e), row(follower, e+1), 1, handover.Next{Step: handover.StepUnfence, At: 0, Epoch: e}},
		{row(fenced, e), row(follower, e+1), 0, handover.Next{Step: handover.StepUnfence, At: 0, Epoch: e}},
		{row(fenced, e), row(owner, e+1), 1, handover.Next{Step: handover.StepDemote, At: 0, Epoch: e}},
		{row(fenced, e), row(owner, e+1), 0, handover.Next{Step: handover.StepDemote, At: 0, Epoch: e}},
		{row(follower, e), row(owner, e), 1, handover.Next{Step: handover.StepDone, At: 1, Epoch: e}},
		{row(follower, e), row(owner, e), 0, handover.Next{Step: handover.StepFence, At: 1, Epoch: e}},
		{row(follower, e), row(fenced, e), 0, handover.Next{Step: handover.StepTake, At: 0, Epoch: e}},
		{row(owner, e), row(owner, e+1), 0, handover.Next{Step: handover.StepReread}},
		{row(fenced, e), row(owner, e-1), 0, handover.Next{Step: handover.StepReread}},
		{row(follower, e), row(follower, e), 0, handover.Next{Step: handover.StepReread}},
		{row(follower, e-2), row(owner, e), 0, handover.Next{Step: handover.StepReread}},
		{row(fenced, e), row(fenced, e+1), 0, handover.Next{Step: handover.StepReread}},
	} {
		require.Equal(t, c.want, handover.Decide(handover.Pair{c.a, c.b}, c.wanted), "%s | %s, %d wanted", c.a, c.b, c.wanted)
	}
}

// everything is the machine and Decide played out in full: any number of coordinators
// with any two readings, the older as old as may be, each doing what it decided, at
// any later time. What the feed and the disk do is left to the other tests. loose
// takes away what the machine asks of the other side's row.
type everything struct {
	loose map[ownership.Move]bool
	limit int64
	seen  map[string]bool
	queue []situation
	bad   []string
}

// situation is the two rows, and every row that either side ever had: any of them may
// be what somebody read.
type situation struct {
	rows handover.Pair
	past [2][]ownership.Row
}

func (s situation) String() string { return fmt.Sprint(s.rows, s.past) }

func (s situation) then(side int, r ownership.Row) situation {
	if r == s.rows[side] {
		return s
	}
	s.past[side] = append(slices.Clone(s.past[side]), s.rows[side])
	s.rows[side] = r
	return s
}

func (s situation) readings(side int) []ownership.Row {
	return append(slices.Clone(s.past[side]), s.rows[side])
}

func (x *everything) explore() {
	x.seen = map[string]bool{}
	x.push(situation{rows: handover.Pair{row(owner, 1), row(follower, 0)}})
	for len(x.queue) > 0 {
		s := x.queue[0]
		x.queue = x.queue[1:]
		x.judge(s)
		for side := range s.rows {
			for _, o := range x.orders(s, side) {
				if r, err := s.rows[side].After(o); err == nil && r.Epoch <= x.limit {
					x.push(s.then(side, r))
				}
			}
		}
	}
}

func (x *everything) push(s situation) {
	if key := s.String(); !x.seen[key] {
		x.seen[key] = true
		x.queue = append(x.queue, s)
	}
}

// orders are all that anybody may send to a side after any two readings.
func (x *everything) orders(s situation, side int) []ownership.Order {
	var orders []ownership.Order
	for _, own := range s.readings(side) {
		for _, other := range s.readings(1 - side) {
			orders = append(orders, x.decided(side, own, other)...)
		}
	}
	return orders
}

func (x *everything) decided(side int, own, other ownership.Row) []ownership.Order {
	p := handover.Pair{own, other}
	var orders []ownership.Order
	for wanted := range p {
		next := handover.Decide(p, wanted)
		if next.At == 0 && next.Step != handover.StepReread && next.Step != handover.StepDone {
			orders = append(orders, ownership.Order{Move: ownership.Move(next.Step), Epoch: next.Epoch, Other: other})
		}
	}
	for m := range x.loose { // a machine that does not look at the other row
		e, evidence := own.Epoch, map[ownership.Move]ownership.Row{
			ownership.Fence: row(follower, own.Epoch), ownership.Demote: row(owner, own.Epoch+1), ownership.Unfence: row(follower, own.Epoch+1),
		}[m]
		if other.State == evidence.State {
			orders = append(orders, ownership.Order{Move: m, Epoch: e, Other: evidence})
		}
	}
	return orders
}

// judge: never two owners, never two followers, and whatever is wanted there is a way
// on from here that nobody but a person blocks.
func (x *everything) judge(s situation) {
	a, b := s.rows[0], s.rows[1]
	switch {
	case a.State == owner && b.State == owner:
		x.bad = append(x.bad, "two owners: "+s.String())
	case a.State == follower && b.State == follower:
		x.bad = append(x.bad, "nobody holds it: "+s.String())
	}
	for wanted := range s.rows {
		if handover.Decide(s.rows, wanted).Step == handover.StepReread {
			x.bad = append(x.bad, "stuck: "+s.String())
		}
	}
}

func TestNoReadingHoweverOldLeadsAstray(t *testing.T) {
	x := &everything{limit: 7}
	x.explore()
	require.Empty(t, x.bad)
	t.Logf("%d situations", len(x.seen))
	require.Greater(t, len(x.seen), 100)
}

// Each condition on the other side's row is needed.
func TestEachConditionOnTheOtherRowIsNeeded(t *testing.T) {
	for move, want := range map[ownership.Move]string{
		ownership.Fence: "stuck", ownership.Demote: "nobody holds it", ownership.Unfence: "two owners",
	} {
		x := &everything{limit: 7, loose: map[ownership.Move]bool{move: true}}
		x.explore()
		i := slices.IndexFunc(x.bad, func(bad string) bool { return strings.HasPrefix(bad, want) })
		require.GreaterOrEqual(t, i, 0, "%s: %q", move, x.bad)
		t.Logf("without the condition on %s: %s", move, x.bad[i])
	}
}
