package store

import (
	"context"

	"banyan.dev/features/contracts"
)

// Ports are what the store needs of other features. Each is asked once for a page,
// outside of transactions.
type Ports struct {
	People   People
	Comments Comments
	Posts    Posts
}

// People knows what authors are called.
type People interface {
	// Names returns the present names of those accounts that are there, by id.
	Names(ctx context.Context, ids []string) (map[string]string, error)
}

// Comments has what waits.
type Comments interface {
	// ByIDs returns those of the comments that are there, by id, whatever their status.
	// Their authors' names may be missing.
	ByIDs(ctx context.Context, ids []string) (map[string]contracts.Comment, error)
}

// Posts knows what comments stand under.
type Posts interface {
	// Titles returns the titles of those posts that are there, by id.
	Titles(ctx context.Context, ids []string) (map[string]string, error)
}
