// Package store keeps posts in PostgreSQL, in the tables posts, post_tags,
// post_covers, post_keys and post_tombstones and no other.
//
//	rows.go    statements over these tables, for itself and for others
//	search.go  the search among them
//	held.go    what other features ask for within their own transaction
//	store.go   posts.Store: the rows, put together with what others know
//	write.go   what changes a post
//	delete.go  what deletes it, with its comments or leaving them to their owner
//	feed.go    what it tells: post.deleted, into the outbox
//	covers.go  the pictures
//	ports.go   what it needs of other features
//
// A host makes it and gives it to the feature. Rows knows no other feature, so that
// the store of comments can ask it while the store of posts asks that of comments.
package store
