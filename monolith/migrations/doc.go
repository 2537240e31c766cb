// Package migrations holds the monolith's schema: all features' tables in one
// database. Each table's comment names the feature that owns it. Foreign keys tie one
// feature's tables to each other; those between features were there until 00006.
//
// The files are goose's, run in order by platform/database at each start. They only
// expand: a release before this one must be able to go on with the schema, because
// a step is taken back without touching it. No foreign key cascades: what a delete
// takes along is said in code, so that dropping the key later changes nothing.
package migrations
