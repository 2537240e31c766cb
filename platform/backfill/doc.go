// Package backfill brings a follower what was there before events were: all rows of a
// resource, page by page, through the same outbox and topic as live changes.
//
//	owner:    Runner -> one transaction per page: Own, the page's place, the rows as
//	          chunk events in the outbox, the next place -> relay -> topic
//	follower: inbox -> chunk applied with the version guard -> Note
//	hand-over: Complete asks whether each chunk of the newest run was noted
//
// Pages are read while others write. What changes meanwhile has an event of its own
// with a newer version, and the follower lets newer versions win; so a page locks no
// row, and its order among the live events does not matter. (The idea of chunks
// between live changes is that of DBLog: A. Andreakis and I. Papapanagiotou, 2020,
// https://arxiv.org/abs/2010.12597. Versions stand here for its watermarks.)
//
// A run is a row in the owner's database. Every replica of the owner runs a Runner;
// the one that holds the row's lease works, and when it dies another goes on from the
// place that the last committed page left. What rests on nothing but the row's lock is
// that each page is made once.
//
// The package knows no feature: what a page has is the Source's, and what a chunk
// means the follower's. It never reads the follower; Config.Behind may.
//
// Hosts make the tables with Migrate, on both sides: each may be the owner.
package backfill
