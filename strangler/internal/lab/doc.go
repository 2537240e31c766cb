// Package lab moves writes in the ways that look simple, kills the processes that
// write, and counts what that did; then it does the same to the way of this
// repository's steps.
//
// Everything is real: two databases in one PostgreSQL, Kafka, writers and relays that
// are processes of their own and die of SIGKILL at random moments, and clients that
// behave as in the field: each write has an idempotency key, is sent again when no
// answer came (a few give up instead), and what was acknowledged is kept in a
// history. In the end both databases are read whole and compared with it (judge.go).
//
// A way is a small file: both.go, publish.go, flip.go, job.go, lag.go and, at the
// end, steps.go. The application that they all write with is package notes, which is
// right within one database; so what goes wrong went wrong between two.
//
// The tool's command `lab writes` prints what Run reports, and a tour shows ways as
// demos of a step. The processes are the tool's own binary under a hidden command
// that calls Serve.
package lab
