package page

import (
	"fmt"
	"io"

	"banyan.dev/gateway/internal/shadow"
)

// Differences is what a shadow answered otherwise.
type Differences struct {
	Gateway, Route string
	Mismatches     []shadow.Mismatch // the newest first
	// Part leaves the page around them out.
	Part bool
}

// Group is mismatches that differ at the same places.
type Group struct {
	shadow.Mismatch     // the newest of them
	Others          int // how many more there are
}

// Groups are the mismatches by where they differ, the newest first: one cause usually
// makes many of them.
func (d Differences) Groups() []Group {
	var groups []Group
	places := map[string]int{}
	for _, m := range d.Mismatches {
		place := m.Method + fmt.Sprint(m.Baseline.Status, m.Shadow.Status)
		for _, difference := range m.Differences {
			place += fmt.Sprintf("\n%s %s %s", difference.Part, difference.Path, difference.Kind)
		}
		if i, known := places[place]; known {
			groups[i].Others++
			continue
		}
		places[place] = len(groups)
		groups = append(groups, Group{Mismatch: m})
	}
	return groups
}

// WriteDifferences writes them.
func WriteDifferences(w io.Writer, d Differences) error {
	name := "differences-page"
	if d.Part {
		name = "differences"
	}
	if err := templates.ExecuteTemplate(w, name, d); err != nil {
		return fmt.Errorf("write differences: %w", err)
	}
	return nil
}
