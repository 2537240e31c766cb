package ledger

import (
	"fmt"
	"strings"
)

// Tally counts what the check found, over a whole history or over the writes of one window.
type Tally struct {
	Acknowledged int `json:"acknowledged"` // writes the blog answered with success
	Unknown      int `json:"unknown"`      // writes without an answer: they may exist or not
	Lost         int `json:"lost"`         // acknowledged, and not there
	Duplicated   int `json:"duplicated"`   // written once, found more than once
	OutOfOrder   int `json:"out_of_order"` // a version that did not rise, or an older text over a newer one
	NotSeen      int `json:"not_seen"`     // the writer's own next read did not show the write
	CameBack     int `json:"came_back"`    // deleted, acknowledged, and there again
}

// OK says whether nothing was found. Unknown outcomes are no finding.
func (t Tally) OK() bool {
	return t.Lost == 0 && t.Duplicated == 0 && t.OutOfOrder == 0 && t.NotSeen == 0 && t.CameBack == 0
}

// String is the tally as one line for people.
func (t Tally) String() string {
	return fmt.Sprintf("%d acknowledged, %d unknown, %d lost, %d duplicated, %d out of order, %d not seen by their writer, %d came back",
		t.Acknowledged, t.Unknown, t.Lost, t.Duplicated, t.OutOfOrder, t.NotSeen, t.CameBack)
}

// Fault names one kind of finding.
type Fault string

// The faults the check can find; Tally has a count for each.
const (
	Lost       Fault = "lost"
	Duplicated Fault = "duplicated"
	OutOfOrder Fault = "out of order"
	NotSeen    Fault = "not seen"
	CameBack   Fault = "came back"
)

// Finding is one broken promise, attributed to the write that was promised.
type Finding struct {
	Fault     Fault  `json:"fault"`
	Window    string `json:"window"`
	Operation int64  `json:"operation"`
	Kind      Kind   `json:"kind"`
	Aggregate string `json:"aggregate"`
	Detail    string `json:"detail"`
}

// String is the finding as one line for people.
func (f Finding) String() string {
	return fmt.Sprintf("%s: %s (%s %s, operation %d, window %q)", f.Fault, f.Detail, f.Kind, f.Aggregate, f.Operation, f.Window)
}

// Report is the outcome of a check. The embedded Tally is the sum over all windows, and ByWindow splits it by
// the window that each write belongs to; writes made outside any window stand under "".
type Report struct {
	Tally
	ByWindow map[string]Tally `json:"by_window"`
	Posts    int              `json:"posts"`    // posts that were read back
	Comments int              `json:"comments"` // comments that were read back
	Findings []Finding        `json:"findings,omitempty"`
}

// Explain lists at most limit findings, one per line, for a log or a failed check's detail.
func (r Report) Explain(limit int) string {
	var lines []string
	for i, f := range r.Findings {
		if i == limit {
			lines = append(lines, fmt.Sprintf("and %d more", len(r.Findings)-limit))
			break
		}
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}
