package reconcile

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// What is how a row differs.
type What string

// The ways in which rows differ, from the owner's view.
const (
	Missing What = "missing" // the follower has no such row
	Extra   What = "extra"   // only the follower has it
	Older   What = "older"   // the follower's version is below the owner's
	Newer   What = "newer"   // the follower's version is above the owner's
	Content What = "content" // the same version, and another content
)

// Difference is a row that the two sides do not have alike.
type Difference struct {
	Key
	What What `json:"what"`
	// Owner and Follower are the row on each side; nil where there is none.
	Owner    *Row `json:"owner,omitempty"`
	Follower *Row `json:"follower,omitempty"`
}

// String is the difference for people.
func (d Difference) String() string {
	name := d.Kind + " " + d.Place
	if d.Sub != "" {
		name += " " + d.Sub
	}
	says := map[What]string{
		Missing: "the follower has none", Extra: "only the follower has it", Older: "the follower's is older",
		Newer: "the follower's is newer", Content: "the same version, another content",
	}[d.What]
	return fmt.Sprintf("%s: %s (owner: %s, follower: %s)", name, says, d.Owner.text(), d.Follower.text())
}

func (r *Row) text() string {
	switch {
	case r == nil:
		return "none"
	case r.Version == 0:
		return "hash " + r.Hash
	case r.Epoch == 0:
		return fmt.Sprintf("version %d, hash %s", r.Version, r.Hash)
	}
	return fmt.Sprintf("version %d of epoch %d, hash %s", r.Version, r.Epoch, r.Hash)
}

// KindReport is what was compared of one kind.
type KindReport struct {
	Kind string `json:"kind"`
	// OwnerRows and FollowerRows are how many each side had when it was asked.
	OwnerRows    int64 `json:"owner_rows"`
	FollowerRows int64 `json:"follower_rows"`
	// Ranges is how many were compared, with the parts of those that differed.
	Ranges int `json:"ranges"`
	// Looked is how many rows differed at first; Explained of them were equal, or on
	// their way, when they were looked at again. Moving of these were never seen to be
	// equal: they are changed all the time, and the follower goes along.
	Looked      int `json:"looked"`
	Explained   int `json:"explained"`
	Moving      int `json:"moving"`
	Differences int `json:"differences"`
}

// Report is what came out of a comparison.
type Report struct {
	Resource string       `json:"resource"`
	Owner    string       `json:"owner"`
	Follower string       `json:"follower"`
	Began    time.Time    `json:"began_at"`
	Took     Milliseconds `json:"took_ms"`
	Kinds    []KindReport `json:"kinds"`
	// Requests is how many questions both sides were asked, and Bytes the size of
	// questions and answers, where they went over the network.
	Requests int64 `json:"requests"`
	Bytes    int64 `json:"bytes"`
	// Stopped is true when it ended early, at Options.Limit: there may be more.
	Stopped     bool         `json:"stopped,omitempty"`
	Differences []Difference `json:"differences"`
}

// Milliseconds is a time.Duration that is written in JSON as whole milliseconds.
type Milliseconds time.Duration

// MarshalJSON writes whole milliseconds.
func (m Milliseconds) MarshalJSON() ([]byte, error) {
	return fmt.Appendf(nil, "%d", time.Duration(m).Milliseconds()), nil
}

// UnmarshalJSON reads whole milliseconds.
func (m *Milliseconds) UnmarshalJSON(text []byte) error {
	var n int64
	if _, err := fmt.Sscanf(string(text), "%d", &n); err != nil {
		return fmt.Errorf("read milliseconds %q: %w", text, err)
	}
	*m = Milliseconds(time.Duration(n) * time.Millisecond)
	return nil
}

// Clean tells whether all rows were compared and none differs.
func (r Report) Clean() bool { return !r.Stopped && len(r.Differences) == 0 }

// Rows is how many rows the owner had.
func (r Report) Rows() (n int64) {
	for _, k := range r.Kinds {
		n += k.OwnerRows
	}
	return n
}

// Ranges is how many ranges were compared.
func (r Report) Ranges() (n int) {
	for _, k := range r.Kinds {
		n += k.Ranges
	}
	return n
}

// Explained is how many rows differed at first and not in the end.
func (r Report) Explained() (n int) {
	for _, k := range r.Kinds {
		n += k.Explained
	}
	return n
}

// WriteText writes the report for people.
func (r Report) WriteText(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (owner) and %s (follower)\n", r.Resource, r.Owner, r.Follower)
	table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "kind\towner\tfollower\tranges\tlooked again\texplained\tdifferences\t")
	for _, k := range r.Kinds {
		fmt.Fprintf(table, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", k.Kind, k.OwnerRows, k.FollowerRows, k.Ranges, k.Looked, k.Explained, k.Differences)
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	for _, d := range r.Differences {
		fmt.Fprintln(&b, d)
	}
	fmt.Fprintf(&b, "%s: %d rows in %d ranges, %d requests, %d bytes, %s\n", r.verdict(), r.Rows(), r.Ranges(), r.Requests, r.Bytes,
		time.Duration(r.Took).Round(time.Millisecond))
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

func (r Report) verdict() string {
	switch n := len(r.Differences); {
	case r.Stopped:
		return fmt.Sprintf("at least %d differences, stopped there", n)
	case n == 1:
		return "1 difference"
	default:
		return fmt.Sprintf("%d differences", n)
	}
}
