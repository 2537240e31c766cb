// Package ownership says which of two databases may write a resource, and moves that
// right from one to the other and back without losing a write.
//
// Each of the two sides keeps one row per resource: a state (owner, fenced,
// follower) and an epoch, which only grows. machine.go is the whole protocol: which
// state follows which, and what must be so before. A Side keeps such a row in its
// database; stores call its Guard in each transaction that writes, hosts answer
// hand-overs with Do, and package handover walks the two rows from outside.
//
// The package never talks to the other side: what must be known of it is told by who
// asks (Order.Other), and is either a fact that stays true or refused. It knows
// neither Kafka nor the tables of the resource; Markers and Requirement are what it
// needs of those.
//
// # Why there is never more than one owner
//
// A side takes epoch e+1 only when all that the other wrote up to its fence at e has
// been applied here, and the fence waits for every writing transaction that saw
// owner (Guard holds a shared lock until its commit, Fence takes the exclusive one).
// A hand-over is given up by barring first: the follower's row is raised to e+1, and
// a take that comes late finds it so. The epoch is a fencing token that the database
// itself checks (M. Kleppmann, "How to do distributed locking", 2016,
// https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html).
//
// The protocol is checked as a model: docs/models/handover.
//
// # What a host must keep to
//
// Before the first hand-over every process that writes the resource does so behind
// Guard. What the feed applies at a follower, and only that, is written without it.
// An owner's database that fails over to a replica must not forget an acknowledged
// commit: the moves wait for synchronous replicas where there are some.
package ownership
