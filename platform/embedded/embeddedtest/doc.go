// Package embeddedtest gives tests a real database and a real Redis in a few
// milliseconds each: one PostgreSQL for the whole test process, started by the
// first test that asks, and a fresh database for every test.
//
// The server ends with the process, also when it is killed, so no TestMain is
// needed. Tests may be parallel. Nothing but tests imports this package.
package embeddedtest
