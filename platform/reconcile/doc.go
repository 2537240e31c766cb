// Package reconcile compares a resource's rows in two databases while both are
// written, says exactly which rows differ, and has the owner send those again.
//
//	source.go   what a side can be asked: digests of ranges, rows, places to split at
//	tables.go   a side made of tables in PostgreSQL, which computes the digests itself
//	compare.go  the comparison: ranges, then parts of those that differ, then rows
//	again.go    rows that differ are looked at again: the feed may have been on its way
//	report.go   what came out, as text and as JSON
//	repair.go   what the owner is asked to send once more
//	handler.go  a side at its host's admin port; client.go asks it
//
// A digest is the number of a range's rows and the sum of their hashes, so the order
// in which a side reads them does not matter, and rows that differ change it but for
// a chance of 2^-64. Ranges with other digests are split until they
// are small, then their rows are named: the traffic grows with the differences, not
// with the rows (the idea is R. Merkle's, 1987, in the form of Cassandra's
// anti-entropy repair and of pt-table-checksum,
// https://docs.percona.com/percona-toolkit/pt-table-checksum.html).
//
// # Two databases under writes
//
// There is no moment at which both could be read: each statement sees its own side
// as it is then, and a follower is behind. So a row that differs counts as a
// difference only when it still does after the feed had time to bring it. What
// becomes equal, or goes on moving with the owner, is explained. A row that is
// changed after its range was compared was right when it was compared.
//
// It knows neither what the rows mean nor how events are made; Repairer is what it
// needs of who does.
package reconcile
