package figure

import (
	"fmt"
	"io"
	"math"
	"text/tabwriter"
)

// Goal is what something is meant to reach, and what it did in this run.
type Goal struct {
	What string  `json:"what"`
	Want float64 `json:"want"`
	Most bool    `json:"at_most"` // else at least
	Got  float64 `json:"got"`
	Met  bool    `json:"met"`
	Aim  bool    `json:"aim,omitempty"` // hoped for, not promised
}

// AtLeast is a goal to reach.
func AtLeast(what string, want, got float64) Goal {
	got = shown(got)
	return Goal{What: what, Want: want, Got: got, Met: got >= want}
}

// AtMost is a goal to stay below.
func AtMost(what string, want, got float64) Goal {
	got = shown(got)
	return Goal{What: what, Want: want, Most: true, Got: got, Met: got <= want}
}

// AsAim is the goal as one that is hoped for.
func (g Goal) AsAim() Goal {
	g.Aim = true
	return g
}

// shown is what is judged: what people see.
func shown(x float64) float64 { return math.Round(x*100) / 100 }

// WriteGoals writes a table of goals below a title, and nothing without goals.
func WriteGoals(out io.Writer, title string, goals []Goal) error {
	if len(goals) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%s\tgoal\tin this run\n", title)
	for _, g := range goals {
		bound, verdict := "at least", "met"
		if g.Most {
			bound = "at most"
		}
		if g.Aim {
			bound = "aim: " + bound
		}
		if !g.Met {
			verdict = "NOT met"
		}
		fmt.Fprintf(w, "%s\t%s %g\t%g\t%s\n", g.What, bound, g.Want, g.Got, verdict)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the goals: %w", err)
	}
	return nil
}
