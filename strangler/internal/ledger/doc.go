// Package ledger remembers what the blog promised and compares it with what the blog shows.
//
// It owns the history of writes (invoked, acknowledged, refused, unknown) and the check of that history against
// a snapshot read back later: nothing lost, nothing twice, versions that only rise, deleted things that stay
// deleted, writers who see what they wrote.
//
// Package traffic writes the history and takes the snapshot; the tool's commands print the report. The ledger
// itself never sends a request and knows no URL, so that a random history can be checked in microseconds.
package ledger
