package posts

import (
	"context"
	"time"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/paging"
)

// Filter chooses among posts. The zero value is all published ones.
type Filter struct {
	Tag      string
	AuthorID string
	Drafts   bool // drafts too: asked for by their author only
}

// Cover is a post's picture. ETag is the hash of its bytes.
type Cover struct {
	Type    string // an image media type
	Bytes   []byte
	ETag    string
	Changed time.Time
}

// Tag is a tag and how many published posts carry it.
type Tag struct {
	Tag   string `json:"tag"`
	Count int    `json:"count"`
}

// Ref is what others need to know of a post to hang something on it.
type Ref struct {
	ID       string
	Title    string
	AuthorID string
}

// Store keeps posts. Implementations pass storetest's suite and are safe for
// concurrent use. An Author's name in what they return is the account's present one.
type Store interface {
	// Create adds a post. With a key by which this author already made one, that
	// one is returned and replayed is true. Problem: KeyReused.
	Create(ctx context.Context, p contracts.Post, key contracts.Key) (created contracts.Post, replayed bool, err error)
	// Get returns a post, or NotFound.
	Get(ctx context.Context, id string) (contracts.Post, error)
	// Published returns a post that is there for everyone, without its text, or
	// NotFound.
	Published(ctx context.Context, id string) (Ref, error)
	// List returns posts, newest first: by publication, drafts by creation.
	List(ctx context.Context, f Filter, page paging.Page) (paging.List[contracts.PostSummary], error)
	// Update stores title, slug, body, HTML, excerpt, tags, status and publication
	// if the row still has p.Version, and raises it by one. With a key by which the
	// author already changed this post, the post is returned as it is and replayed
	// is true. Problems: NotFound, VersionMismatch, KeyReused.
	Update(ctx context.Context, p contracts.Post, key contracts.Key) (updated contracts.Post, replayed bool, err error)
	// Delete removes a post with all that hangs on it and leaves a tombstone. A
	// version of 0 means whatever it is now. Problems: NotFound, VersionMismatch.
	Delete(ctx context.Context, id string, version int) error
	// DeletedBy returns the author of a post that is deleted, or NotFound.
	DeletedBy(ctx context.Context, id string) (authorID string, err error)
	// SetCover stores or replaces the post's cover; NotFound without the post.
	SetCover(ctx context.Context, id string, c Cover) error
	// Cover returns it, or NotFound.
	Cover(ctx context.Context, id string) (Cover, error)
	// DeleteCover removes it; one that is not there is no error.
	DeleteCover(ctx context.Context, id string) error
	// Tags returns the most used tags of published posts, most used first.
	Tags(ctx context.Context, limit int) ([]Tag, error)
}
