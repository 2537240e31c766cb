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
