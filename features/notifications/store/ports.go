package store

import "context"

// Ports are what the store needs of other features. Each is asked once for a page,
// outside of transactions.
type Ports struct {
	People People
	Posts  Posts
}

// People knows what those are called who did something.
type People interface {
	// Names returns the present names of those accounts that are there, by id.
	Names(ctx context.Context, ids []string) (map[string]string, error)
}

// Posts knows what it was done to.
type Posts interface {
	// Titles returns the titles of those posts that are there, by id.
	Titles(ctx context.Context, ids []string) (map[string]string, error)
}
