package lab

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"
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
		return false, fmt.Sprintf("SHOWS NOTHING: %s killed, %s without an answer", many(r.Killed, "process"), many(r.Unanswered, "request"))
	case w.red && seen < atLeast:
		return false, fmt.Sprintf("DID NOT FAIL: its failure was seen %s in %s, not %d", many(seen, "time"), many(r.Rounds, "round"), atLeast)
	case w.red:
		return true, "failed, as it must"
	case faults > 0:
		return false, fmt.Sprintf("DID NOT HOLD: %s", many(faults, "fault"))
	case seen < 1:
		return false, "SHOWS NOTHING: ownership was not moved forward and back"
	default:
		return true, fmt.Sprintf("holds, over %d hand-overs (%d given up and tried again)", r.Moves, r.GaveUp)
	}
}

// many is a number with its word.
func many(n int, word string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(word, "s"):
		word += "es"
	default:
		word += "s"
	}
	return strconv.Itoa(n) + " " + word
}

// columns are the table's.
var columns = []struct {
	head string
	cell func(Result) string
}{
	{"way", func(r Result) string { return r.Title }},
	{"acknowledged", func(r Result) string { return strconv.Itoa(r.Acknowledged) }},
	{"lost", func(r Result) string { return strconv.Itoa(r.Lost) }},
	{"twice or invented", func(r Result) string { return strconv.Itoa(r.Twice + r.Invented + r.Back) }},
	{"differing rows", func(r Result) string { return strconv.Itoa(r.Differing) }},
	{"verdict", func(r Result) string { return r.Verdict }},
}

// Print writes the report for people: the table, and a word on each way.
func (r Report) Print(out io.Writer) error {
	var b strings.Builder
	r.table(&b)
	for _, w := range r.Ways {
		fmt.Fprintf(&b, "\n%s: in %s %s killed, %s without an answer, %.1f s\n", w.Title,
			many(w.Rounds, "round"), many(w.Killed, "process"), many(w.Unanswered, "request"), w.Seconds)
		fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(ansi.Wordwrap(w.Why, 110, ""), "\n", "\n  "))
		for _, e := range w.Examples[:min(2, len(w.Examples))] {
			fmt.Fprintf(&b, "  for instance: %s\n", e)
		}
	}
	end := "all ended as they must"
	if !r.OK {
		end = "NOT ALL ENDED AS THEY MUST"
	}
	fmt.Fprintf(&b, "\n%s (%.0f s, seed %d)\n", end, r.Seconds, r.Seed)
	_, err := io.WriteString(out, b.String())
	return err
}

// table has words to the left and numbers to the right.
func (r Report) table(b *strings.Builder) {
	lines := make([]string, len(r.Ways)+1)
	for i, c := range columns {
		cells := []string{c.head}
		for _, w := range r.Ways {
			cells = append(cells, c.cell(w))
		}
		width := 0
		for _, cell := range cells {
			width = max(width, len(cell))
		}
		if i == 0 || i == len(columns)-1 {
			width = -width
		}
		for j, cell := range cells {
			lines[j] += fmt.Sprintf("%*s  ", width, cell)
		}
	}
	for _, line := range lines {
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
}
