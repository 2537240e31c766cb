// Package migrations holds the monolith's schema: all features' tables in one
// database, tied to each other by foreign keys. Each table's comment names the
// feature that owns it.
//
// The files are goose's, run in order by platform/database at each start. They only
// expand: a release before this one must be able to go on with the schema, because
// a step is taken back without touching it. No foreign key cascades: what a delete
// takes along is said in code, so that dropping the key later changes nothing.
package migrations
