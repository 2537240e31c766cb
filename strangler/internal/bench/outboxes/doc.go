// Package outboxes measures this repository's outbox beside what a team would
// otherwise take, watermill's forwarder over watermill-sql, in one run: the same
// PostgreSQL and Kafka, the same change and payload in the same transaction. How fast
// the inbox applies is measured too.
//
// Contenders take turns, each in a database and a topic of its own, and compared are
// ratios of the same rounds. Each measuring is a process (package outboxbench) whose
// relay is another one, so that what the relay costs is told apart. watermill is built
// when it is needed, from a module of its own in the folder watermill, since its
// libraries are nobody else's. The command `strangler bench outbox` calls it.
package outboxes
