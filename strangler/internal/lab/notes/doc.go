// Package notes is the smallest application whose writes can be moved: notes that
// are made, edited and deleted, each write with an idempotency key, a version that
// is drawn under the row's lock, and a tombstone where a note was.
//
// A Store writes it in one database and is right there, always: what goes wrong in
// the experiments of package lab goes wrong between two of them. It can tell its
// changes to an outbox and ask who owns before it writes; Follower applies what the
// other side tells.
package notes
