// Package store keeps comments in PostgreSQL, in the tables comments, comment_keys
// and comment_tombstones and no other.
//
//	rows.go    statements over these tables, for itself and for others
//	store.go   comments.Store: the rows, put together with what others know
//	write.go   what changes a comment
//	ports.go   what it needs of other features
//
// A host makes it and gives it to the feature. What follows from a comment in other
// features' tables is asked of them in the comment's own transaction: see Ports, and
// docs/adr/0006. That holds as long as all tables are in one database.
//
// Lock order, so that two transactions never wait for each other: the idempotency
// key, the post, comments, then what hangs on them. It is tangle's too, so that
// replicas on either may run side by side.
package store
