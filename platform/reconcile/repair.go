package reconcile

import (
	"context"
	"fmt"
	"slices"
)

// Want asks the owner to send once more what it has at a key. It says what the
// follower has there, as the comparison found it: the owner never asks the follower.
type Want struct {
	Key
	What What `json:"what"`
	// Above is the follower's version, 0 for none: what is sent must be above it, or
	// equal with the owner's content, else the follower would drop it.
	Above int64 `json:"above,omitempty"`
	// About is what the follower says of a row that the owner may not have.
	About string `json:"about,omitempty"`
}

// Repaired is what became of wants.
type Repaired struct {
	// Sent is how many rows or tombstones were sent as they are; Raised of them were
	// given a higher version first; Buried is how many tombstones were made for what
	// the owner did not have.
	Sent   int `json:"sent"`
	Raised int `json:"raised"`
	Buried int `json:"buried"`
	// Left is what no event can mend, and why.
	Left []Left `json:"left,omitempty"`
}

// Left is a want that was not met.
type Left struct {
	Key
	Why string `json:"why"`
}

// Repairer is the owner's side of a repair.
type Repairer interface {
	// Repair sends what the owner has at these keys through its feed, as snapshots that
	// have no effects, within transactions that are behind the ownership's guard: it
	// returns an ownership.ErrNotOwner elsewhere. What was sent is applied later, as
	// all events are: compare again. A second time does no harm.
	Repair(ctx context.Context, wants []Want) (Repaired, error)
}

// MaxWants is how many wants one question may have.
const MaxWants = 500

// Wants are what a repair of the report's differences asks for.
func (r Report) Wants() []Want {
	wants := make([]Want, 0, len(r.Differences))
	for _, d := range r.Differences {
		w := Want{Key: d.Key, What: d.What}
		if d.Follower != nil {
			w.Above, w.About = d.Follower.Version, d.Follower.About
		}
		wants = append(wants, w)
	}
	return wants
}

// Repair has the owner send what the report found to differ, in several questions. On
// an error it returns what was done before it; doing all of it again does no harm.
func Repair(ctx context.Context, owner Repairer, report Report) (Repaired, error) {
	var all Repaired
	for wants := range slices.Chunk(together(report.Wants()), MaxWants) {
		done, err := owner.Repair(ctx, wants)
		if err != nil {
			return all, fmt.Errorf("repair %s: %w", report.Resource, err)
		}
		all.Sent += done.Sent
		all.Raised += done.Raised
		all.Buried += done.Buried
		all.Left = append(all.Left, done.Left...)
	}
	return all, nil
}

// together puts wants of one place beside each other: one event may meet them all.
func together(wants []Want) []Want {
	slices.SortStableFunc(wants, func(a, b Want) int { return compareText(a.Place, b.Place) })
	return wants
}
