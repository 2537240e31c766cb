package store

import (
	"banyan.dev/platform/database"
	"banyan.dev/platform/reconcile"
)

// The kinds of rows that two databases with comments are compared by.
const (
	KindComment   = "comment"
	KindTombstone = "tombstone"
	KindKey       = "key"
	KindClosed    = "closed"
)

// postAndAuthor is what a repair needs to bury a comment that only the follower has.
const postAndAuthor = "post_id::text || ' ' || author_id::text"

// NewDigests returns the comments of a database for a comparison with another's: the
// monolith's or the service's, which have the same tables. It is safe for concurrent
// use.
//
// Keys are looked at comment by comment, and not in the order of their own index: how
// texts are ordered is the database's own affair, and the two may differ in it.
func NewDigests(db *database.DB) *reconcile.Tables {
	return reconcile.NewTables(db,
		reconcile.Table{
			Kind: KindComment, From: "comments", Place: "id", Version: "version::bigint", About: postAndAuthor,
			Content: []string{"id", "post_id", "author_id", "body::text", "html::text", "status::text", "version::bigint", "created_at", "updated_at"},
		},
		reconcile.Table{
			Kind: KindTombstone, From: "comment_tombstones", Place: "id", Version: "version::bigint", About: postAndAuthor,
			Content: []string{"id", "post_id", "author_id", "version::bigint", "deleted_at"},
		},
		reconcile.Table{
			Kind: KindKey, From: "comment_keys", Place: "comment_id", Sub: "author_id::text || ' ' || key",
			Content: []string{"comment_id", "author_id", "key::text", "hash", "created_at"},
		},
		reconcile.Table{
			Kind: KindClosed, From: "comment_closed_posts", Place: "post_id",
			Content: []string{"post_id", "key::text", "closed_at"},
		},
	)
}
