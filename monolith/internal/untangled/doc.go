// Package untangled hangs the features' own stores on each other: what tangle does
// with joins and foreign keys is here a call from one feature's store to another's.
// The wiring makes one or the other; both are used in the same way, pass the same
// suite (monolith/internal/storetest), and may run side by side on one database.
//
// What was cut: no statement touches two features' tables, no foreign key crosses
// from one feature to another, and a page that shows several features asks each of
// them once. The tests of this package hold that against what PostgreSQL itself says
// of each statement.
//
// What was not cut: all tables are in one database, and what follows from a comment is
// done in the comment's transaction, handed on to the others by the ports that take a
// *gorm.DB. docs/adr/0006 says why, and what becomes of them.
package untangled
