package ledger

import (
	"fmt"
	"regexp"
)

// Type tells posts and comments apart, as their ids do not.
type Type string

// What can be sighted.
const (
	Post    Type = "post"
	Comment Type = "comment"
)

// Sighting is a post or a comment as the blog shows it when everything is read back.
type Sighting struct {
	Type      Type
	ID        string
	Version   int64
	Markers   []string // all markers in its text, in order; see Markers
	Published bool     // posts only
	Listed    int      // how often one listing named it; more than once is a finding
}

// Snapshot is all that was read back: each thing once, however many readers saw it.
type Snapshot []Sighting

var marker = regexp.MustCompile(`\bmark-[0-9a-z]+-[0-9]+\b`)

// Marker is the n-th marker of the run named tag (lower-case letters and digits): a word that stands in one text only.
func Marker(tag string, n int64) string { return fmt.Sprintf("mark-%s-%d", tag, n) }

// Markers finds the markers in a text, in order, repetitions included.
func Markers(text string) []string { return marker.FindAllString(text, -1) }
