// Package sessiontest says what a session store must do, as one suite that every
// implementation passes: memory, PostgreSQL, Redis (a real one and the library),
// and memory and Redis at once.
//
// Tests call Run. It is not for hosts.
package sessiontest
