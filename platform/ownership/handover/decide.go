package handover

import (
	"banyan.dev/platform/ownership"
)

// Step is what a hand-over does next.
type Step string

// The steps. Fence, take, demote, bar and unfence are moves of a side's row.
const (
	StepFence   = Step(ownership.Fence)
	StepTake    = Step(ownership.Take)
	StepDemote  = Step(ownership.Demote)
	StepBar     = Step(ownership.Bar)
	StepUnfence = Step(ownership.Unfence)
	// StepDone: the wanted side owns, and the other follows.
	StepDone Step = "done"
	// StepReread: the two rows do not belong together. They are read one after the
	// other, and something was moved in between.
	StepReread Step = "read again"
)

// Pair are the two rows, as they were read one after the other.
type Pair [2]ownership.Row

// Next is a step, which side's row it moves, and in which epoch's hand-over.
type Next struct {
	Step  Step
	At    int // the side, as an index into Pair
	Epoch int64
}

// Decide says what comes next to make wanted (an index into the pair) the owner. It
// knows nothing but the two rows; that is what makes a hand-over go on after a crash,
// whoever began it. A hand-over that is barred goes back to who was fenced whatever
// is wanted; after that it may begin anew.
func Decide(p Pair, wanted int) Next {
	for x := range p {
		if next, ok := decideFrom(p, x, wanted); ok {
			return next
		}
	}
	return Next{Step: StepReread}
}

// decideFrom looks at the rows as a hand-over from side x.
func decideFrom(p Pair, x, wanted int) (Next, bool) {
	y := 1 - x
	own, other := p[x], p[y]
	e := own.Epoch
	switch {
	case may(ownership.Fence, own, e, other):
		if wanted == x {
			return Next{StepDone, x, e}, true
		}
		return Next{StepFence, x, e}, true
	case own.State != ownership.Fenced:
		return Next{}, false
	case may(ownership.Demote, own, e, other):
		return Next{StepDemote, x, e}, true
	case may(ownership.Unfence, own, e, other):
		return Next{StepUnfence, x, e}, true
	case wanted == y && may(ownership.Take, other, e, own):
		return Next{StepTake, y, e}, true
	case wanted == x && may(ownership.Bar, other, e, own):
		return Next{StepBar, y, e}, true
	}
	return Next{}, false
}

// may asks the machine itself.
func may(m ownership.Move, own ownership.Row, epoch int64, other ownership.Row) bool {
	_, err := own.After(ownership.Order{Move: m, Epoch: epoch, Other: other})
	return err == nil
}
