package ownership

import (
	"fmt"
	"time"
)

// State is what one side may do with a resource.
type State string

// The states of a side.
const (
	// Owner writes. There is never more than one.
	Owner State = "owner"
	// Fenced wrote until now, and writes no more. It has offered the next epoch to the
	// other side; only one of them will have it.
	Fenced State = "fenced"
	// Follower applies what the other side wrote, and nothing else.
	Follower State = "follower"
)

// Move is a change of one side's row.
type Move string

// The moves of a hand-over. Its epoch is that of the owner that hands over, e.
const (
	// Fence ends the writing of the owner.
	Fence Move = "fence"
	// Take makes the follower the owner at e+1.
	Take Move = "take"
	// Demote makes the fenced one a follower, when the other has taken.
	Demote Move = "demote"
	// Bar is the first half of giving up: the follower will not take e+1 any more.
	Bar Move = "bar"
	// Unfence is the second half: the fenced one writes again, at e+2.
	Unfence Move = "unfence"
)

// Row is one side's record of a resource.
type Row struct {
	Resource string `json:"resource"`
	State    State  `json:"state"`
	Epoch    int64  `json:"epoch"`
	// Since when it is so, by this side's database.
	Since time.Time `json:"since"`
	// By is who made the last change.
	By string `json:"by"`
}

// Is tells whether the row has that state and epoch: all that moves compare.
func (r Row) Is(s State, epoch int64) bool { return r.State == s && r.Epoch == epoch }

// String is the row for people, as "owner at 3".
func (r Row) String() string { return fmt.Sprintf("%s at %d", r.State, r.Epoch) }

// Order asks a side for a move.
type Order struct {
	Move Move `json:"move"`
	// Epoch is the hand-over's: the epoch at which its owner is fenced.
	Epoch int64 `json:"epoch"`
	// Other is the other side's row as it was read at any time before. Fence, Demote
	// and Unfence need it.
	Other Row `json:"other"`
	// By is who asks, for the record.
	By string `json:"by"`
}

// Transition is one line of the machine.
type Transition struct {
	Move     Move
	From, To State
	// Raise is what the new epoch is above the hand-over's.
	Raise int64
	// Own is what must be so in this side's row, and Other in the other's.
	Own, Other Condition
}

// Condition is a condition on a row, given the epoch of the hand-over.
type Condition struct {
	Says  string // for people and pictures; empty when there is none
	Holds func(r Row, epoch int64) bool
}

// Transitions is the whole machine: there is no change of a row but these, and each
// is a compare-and-swap on state and epoch.
//
// What a condition on the other side says was true when its row was read, perhaps an
// hour ago. Each is such that it still decides rightly then:
//
//   - Taken (owner at e+1) and barred (follower at e+1) can't be undone while this
//     side is fenced at e, and this side's own row is compared in the same breath.
//   - A side that owns e has beside it a follower at e (it was demoted), or at e-1
//     (it was barred, or it is the first day). Every older row of the other side has a
//     smaller epoch; a fenced one is still to be demoted. To fence by such a reading
//     would leave two fenced sides, of which none can go on.
func Transitions() []Transition {
	return []Transition{
		{Fence, Owner, Fenced, 0, exactly, Condition{"the other is follower at e or e-1", func(r Row, e int64) bool {
			return r.State == Follower && (r.Epoch == e || r.Epoch == e-1)
		}}},
		{Take, Follower, Owner, 1, Condition{"below e+1, and all that was written up to the fence is here", func(r Row, e int64) bool {
			return r.Epoch < e+1
		}}, nothing},
		{Demote, Fenced, Follower, 1, exactly, Condition{"the other is owner at e+1", func(r Row, e int64) bool {
			return r.Is(Owner, e+1)
		}}},
		{Bar, Follower, Follower, 1, Condition{"not above e+1", func(r Row, e int64) bool {
			return r.Epoch <= e+1
		}}, nothing},
		{Unfence, Fenced, Owner, 2, exactly, Condition{"the other is follower at e+1: barred", func(r Row, e int64) bool {
			return r.Is(Follower, e+1)
		}}},
	}
}

var (
	exactly = Condition{"at e", func(r Row, e int64) bool { return r.Epoch == e }}
	nothing = Condition{Holds: func(Row, int64) bool { return true }}
)

// After is the row that a move makes of this one. It decides alone by the machine;
// what Take requires of the feed is asked beside it. It returns a *StaleError when
// this row is not where the order thinks, and a *UnprovenError when what the order
// tells of the other side does not allow the move.
func (r Row) After(o Order) (Row, error) {
	for _, t := range Transitions() {
		if t.Move != o.Move {
			continue
		}
		if r.State != t.From || !t.Own.Holds(r, o.Epoch) {
			return r, &StaleError{Order: o, Have: r}
		}
		if !t.Other.Holds(o.Other, o.Epoch) {
			return r, &UnprovenError{Order: o, Needs: t.Other.Says}
		}
		r.State, r.Epoch, r.By = t.To, o.Epoch+t.Raise, o.By
		return r, nil
	}
	return r, fmt.Errorf("move %q is unknown: use fence, take, demote, bar or unfence", o.Move)
}
