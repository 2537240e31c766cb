// Package lag tells how far events are: what a host has still to send, and what its
// consumer groups have still to apply. A host's admin port answers it (Handler), so
// that a tool needs to reach hosts and no broker; CaughtUp waits until what had been
// told when it was asked has been sent and applied everywhere.
//
// That is less than "the lag is 0", which under live traffic never is, and more: a lag
// counts what was published, and not what waits in an outbox. It is for comfort: who
// moves ownership relies on markers in the feed (package ownership), and comes here
// before, so that these have a short way.
package lag
