// Package inbox is how a feature hears of another's events, once each, although
// Kafka delivers them again and again: after a crash, after a rebalance, and when
// the relay repeats what it is not sure of.
//
//	fetch a batch of one partition -> one transaction: move the partition's position,
//	which locks it, write the inbox rows (consumer, event id), let the handler write
//	-> commit the offset
//
// What was written already is a duplicate and is dropped by its inbox row; so a
// crash anywhere between, or a second member that believes it owns the partition,
// changes nothing. The pattern is the idempotent consumer
// (https://microservices.io/patterns/communication-style/idempotent-consumer.html).
//
// Partitions are handled side by side, each in its order. Handlers are of two kinds:
//
//   - of State: an event carries a row whole, so the newest is enough. All fresh
//     events are delivered as they come; the store guards by the row's own version.
//   - of Changes (a counter, a mail): each version counts, in its turn. An older one
//     is dropped; one that came before its turn waits, bounded in time and number.
//     Then the handler goes on without what is missing, and the gap is noted. What is
//     missing and comes after all is neither lost nor handled out of its order without
//     anyone's knowledge: it is a dead letter, of kind "late".
//
// What can't be handled is retried. While the database is away nothing is fetched and
// nothing given up. An event that is at fault itself becomes a dead letter: noted in
// this database by the transaction that passes over it, then published to
// <topic>.dlq, and to be seen, redriven or discarded: in the database (DeadLetters), or
// over the host's admin port (LettersHandler, LettersClient).
//
// A handler's transaction writes what belongs to the event and nothing else: it may
// run more than once, and it does not talk to the network. What must (a call to the
// owner of a resource) is a Preparer's, before the transaction, with the event's id
// as its idempotency key; a Needer among them says for which events.
//
// Where a topic carries both sides' events, each hears its own too. An Ignorer passes
// them by without a transaction.
//
// Hosts make the tables with Migrate.
package inbox
