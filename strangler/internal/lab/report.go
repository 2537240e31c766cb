package lab

import (
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
)

// Report is what Run found.
type Report struct {
	// OK says that each red demo failed and the steps' way held.
	OK      bool     `json:"ok"`
	Seed    uint64   `json:"seed"`
	Seconds float64  `json:"seconds"`
	Ways    []Result `json:"ways"`
}

// Result is one way's.
type Result struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	// Red ways are expected to fail.
	Red bool `json:"red"`
	OK  bool `json:"ok"`
	Counts
	// Rounds is how many it took, Killed how many processes died of SIGKILL in them, and
	// Unanswered how many requests had no answer.
	Rounds     int `json:"rounds"`
	Killed     int `json:"killed"`
	Unanswered int `json:"unanswered"`
	// GaveUp is how many hand-overs were given up, and then tried again.
	GaveUp  int     `json:"gave_up"`
	Seconds float64 `json:"seconds"`
	Verdict string  `json:"verdict"`
	Why     string  `json:"why"`
}

// verdict decides from what was counted. atLeast is how often a red demo's own
// failure must have been seen.
func (w way) verdict(r Result, atLeast int) (ok bool, says string) {
	seen, faults := w.shows(r.Counts), r.Faults()
	switch {
	case r.Acknowledged == 0:
		return false, "SHOWS NOTHING: no write was acknowledged"
	case r.Killed == 0 || r.Unanswered == 0:
		return false, fmt.Sprintf("SHOWS NOTHING: %d processes were killed, %d requests had no answer", r.Killed, r.Unanswered)
	case w.red && seen < atLeast:
		return false, fmt.Sprintf("DID NOT FAIL: its failure was seen %d times in %d rounds, not %d", seen, r.Rounds, atLeast)
	case w.red:
		return true, "failed, as it must"
	case faults > 0:
		return false, fmt.Sprintf("DID NOT HOLD: %d faults", faults)
	case seen < 1:
		return false, "SHOWS NOTHING: ownership was not moved forward and back"
	default:
		return true, fmt.Sprintf("holds: %d hand-overs, %d killed, %d requests without an answer", r.Moves, r.Killed, r.Unanswered)
	}
}

// Print writes the report for people.
func (r Report) Print(out io.Writer) error {
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "acknowledged\tlost\ttwice or invented\tdiffering rows\tkilled\ttime\t  way: verdict")
	for _, w := range r.Ways {
		cells := []int{w.Acknowledged, w.Lost, w.Twice + w.Invented + w.Back, w.Differing, w.Killed}
		for _, n := range cells {
			fmt.Fprint(t, strconv.Itoa(n), "\t")
		}
		fmt.Fprintf(t, "%.1f s\t  %s: %s\n", w.Seconds, w.Title, w.Verdict)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, w := range r.Ways {
		fmt.Fprintf(out, "\n%s\n  %s\n", w.Title, w.Why)
		if !w.OK || w.Red {
			for _, e := range w.Examples[:min(2, len(w.Examples))] {
				fmt.Fprintf(out, "  e.g. %s\n", e)
			}
		}
	}
	end := "each simple way failed, and the way of the steps held"
	if !r.OK {
		end = "NOT AS EXPECTED"
	}
	_, err := fmt.Fprintf(out, "\n%s (%.0f s, seed %d)\n", end, r.Seconds, r.Seed)
	return err
}
