// Package outboxbench measures ways of bringing events from a database to Kafka: how
// long after its commit an event is on the topic, and how fast a backlog is drained.
//
// It knows nothing of how it is done: a Subject writes and relays, and what arrives is
// seen by a consumer of the topic. So this repository's outbox and another's are
// measured by the same code, in the same run (strangler bench outbox).
package outboxbench
