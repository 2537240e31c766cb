// Package store keeps comments in PostgreSQL, in the tables comments, comment_keys,
// comment_tombstones and comment_closed_posts and no other.
//
//	rows.go       statements over these tables, for itself and for others
//	store.go      comments.Store: the rows, put together with what others know
//	write.go      what makes and changes a comment
//	delete.go     what deletes one, or all under a post
//	closed.go     the posts under which none can be written any more
//	effects.go    what follows in other features' tables
//	ports.go      what it needs of others
//	feed.go       what it tells: events into the outbox, markers of a hand-over
//	follower.go   what it hears: the other side's events (news.go, apply.go)
//	chunks.go     all there is, page by page, for a backfill (range.go, entries.go)
//	digest.go     sums over ranges, for a comparison with the other side; repair.go
//	migrate.go    the tables, where they are in a database of their own
//
// A host makes it and gives it to the feature. What follows from a comment in other
// features' tables is asked of them in the comment's own transaction where they are in
// the same database (docs/adr/0006), and else left to who hears of the event: see
// Ports.
//
// Two databases may have these tables. Each transaction that writes them begins with
// Ports.Owner, appends its event, and is done; what the Follower applies, and only
// that, goes without.
//
// Lock order, so that two transactions never wait for each other: the ownership, the
// idempotency key, the post's row, the post's advisory lock, comments, then what hangs
// on them. It is tangle's too, so that replicas on either may run side by side.
package store
