// Package outbox makes an event as durable as the change it tells of. Append writes
// the event into the table outbox within the transaction of the change; a Relay
// brings what is committed to Kafka, at least once, in order for each aggregate.
//
// Stores append; a Notifier wakes the relays after the commit; hosts run a Relay
// each, and as many as run share the work. The table is made by Migrate. Nothing is
// ever published beside the table: a commit and a message to a broker can't be made
// one (the pattern is C. Richardson's, https://microservices.io/patterns/data/transactional-outbox.html;
// the form of the row owes to Debezium's outbox event router,
// https://debezium.io/documentation/reference/stable/transformations/outbox-event-router.html).
//
// # What the writer owes
//
// The writer locks the aggregate's row (by updating it, or FOR UPDATE; a new
// aggregate's row by inserting it) before it appends, and draws the version under
// that lock. Then, for each aggregate, ids are in the order of the commits, and no
// event of it becomes visible before an older one: whoever sees version 7 waiting
// sees 6 too. Ids of different aggregates say nothing about their order.
//
// # Why nothing is lost or turned round
//
// The relay keeps no position. It takes what is not marked as published, by id (see
// reader for where it may begin to look), and marks it after Kafka has acknowledged
// it. So an event is sent only when the one
// before it in its aggregate is on the topic: sent and acknowledged just before by
// the same relay, or marked by another. A cursor (everything behind the last id)
// skips what commits late; a cursor below pg_snapshot_xmin does not, but turns
// aggregates round, since a transaction's number is drawn before its lock; SKIP
// LOCKED gives version 6 to one relay and 7 to another. The tests run these as
// mutants, and each is caught.
//
// Shards (a shard is a partition of a topic) are owned by advisory locks of a
// database session. That keeps relays from doing the same work twice. It is not
// what order rests on: a relay that lost its session without noticing repeats what
// another has sent, and no more. Consumers tell repetitions by the event's id
// (package inbox).
package outbox
