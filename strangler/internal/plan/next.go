package plan

import (
	"fmt"
	"strings"

	"banyan.dev/strangler/internal/steps"
)

// Toward returns the walks from where the journal is to a step. An open walk is
// finished first if it leads there, and given up for its opposite if it leads
// away.
func Toward(path steps.Path, j *Journal, to int) ([]Walk, error) {
	walk, _, open := j.Open()
	if !open {
		at, err := path.Index(j.At())
		if err != nil {
			return nil, fmt.Errorf("the journal's step: %w", err)
		}
		return Between(path, at, to), nil
	}
	from, err := path.Index(walk.From)
	if err != nil {
		return nil, fmt.Errorf("the journal's step: %w", err)
	}
	end, err := path.Index(walk.To)
	if err != nil {
		return nil, fmt.Errorf("the journal's step: %w", err)
	}
	leadsThere := (walk.Direction == Forward && to >= end) || (walk.Direction == Back && to <= end)
	if leadsThere {
		return append([]Walk{walk}, Between(path, end, to)...), nil
	}
	return append(Between(path, end, from), Between(path, from, to)...), nil
}

// Enter makes w the journal's open walk, unless it is already.
func Enter(j *Journal, w Walk) error {
	open, _, is := j.Open()
	if is && open.Step == w.Step && open.Direction == w.Direction {
		return nil
	}
	return j.Begin(w)
}

// Describe is the walks as text for people: what is done, in which order, and why.
func Describe(walks []Walk) string {
	var b strings.Builder
	for _, w := range walks {
		fmt.Fprintln(&b, w.Title())
		for i, a := range w.Actions {
			fmt.Fprintf(&b, "  %d. %s\n", i+1, a)
			if a.Because != "" {
				fmt.Fprintf(&b, "     %s\n", a.Because)
			}
			if a.SignsOut {
				fmt.Fprintln(&b, "     this signs people out")
			}
		}
	}
	return b.String()
}
