package reconcile

import (
	"context"
	"errors"
)

// Kind is one kind of rows of a resource, as comment, or key.
type Kind struct {
	Name string `json:"name"`
	// Form names the way in which a row becomes a hash: rows of the same content have
	// the same hash only where it is the same. A release that hashes one column more
	// has another.
	Form string `json:"form"`
}

// Range is a part of one kind's rows: those whose place is above After, and not above
// Through. Empty means without end. Places are ordered alike on both sides, whatever
// their databases' collations: they are UUIDs.
type Range struct {
	Kind    string `json:"kind"`
	After   string `json:"after,omitempty"`
	Through string `json:"through,omitempty"`
}

// Digest is what a range holds.
type Digest struct {
	Rows int64 `json:"rows"`
	// Sum is the sum of the rows' hashes, whatever their order; empty for none.
	Sum string `json:"sum,omitempty"`
}

// Key names a row.
type Key struct {
	Kind  string `json:"kind"`
	Place string `json:"place"`
	// Sub tells rows of one place apart, where there may be several.
	Sub string `json:"sub,omitempty"`
}

// Row is a row as far as a comparison needs it.
type Row struct {
	Key
	// Version decides which of two is newer; 0 for rows without one.
	Version int64 `json:"version,omitempty"`
	// Epoch is the epoch of ownership in which the row was written, where it is known.
	Epoch int64 `json:"epoch,omitempty"`
	// Hash is that of the content, the version with it, and the epoch without.
	Hash string `json:"hash"`
	// About is what a Repairer must know of a row that only the other side has.
	About string `json:"about,omitempty"`
}

// same tells whether both are the same row of the same content; nil is none.
func (r *Row) same(other *Row) bool {
	if r == nil || other == nil {
		return r == other
	}
	return r.Hash == other.Hash && r.Version == other.Version
}

// Source is one side of a comparison. Each answer is of one moment, and two answers
// are of different ones. A Source is safe for concurrent use.
type Source interface {
	// Kinds are the kinds of rows that there are.
	Kinds(ctx context.Context) ([]Kind, error)
	// Split returns, for each range, the places that cut it into parts of about so many
	// rows: the last place of each part but the last one. It returns at most MaxPlaces
	// of each range: then the last part is not split yet.
	Split(ctx context.Context, ranges []Range, rows int) ([][]string, error)
	// Digests returns those of the ranges, in their order.
	Digests(ctx context.Context, ranges []Range) ([]Digest, error)
	// Rows returns the rows of each range, or ErrTooMany.
	Rows(ctx context.Context, ranges []Range) ([][]Row, error)
	// Find returns the rows at these places.
	Find(ctx context.Context, kind string, places []string) ([]Row, error)
}

// Bounds of what is asked at once.
const (
	// MaxRanges is how many ranges one question may have.
	MaxRanges = 1024
	// MaxPlaces is how many places one answer of Split has for a range, and one question
	// of Find may have.
	MaxPlaces = 1024
	// MaxRows is how many rows one answer may have.
	MaxRows = 200_000
)

// ErrTooMany is a range, or places, of more rows than one answer may have.
var ErrTooMany = errors.New("too many rows for one answer")
