// Package database is how a host reaches its PostgreSQL: one pool, opened with a
// clear error or not at all; transactions that are tried again when the database
// asks for it; migrations that replicas may start at the same time; and names for
// the errors that a store acts upon.
//
// Hosts open a DB and hand it to stores. Stores read through Gorm and write through
// InTx; nothing else sees gorm. The package never changes a schema by itself
// (gorm's AutoMigrate is not used): the schema is what the SQL files say.
package database
