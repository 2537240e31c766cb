// Package outboxbench measures ways of bringing events from a database to Kafka: how
// long after its commit an event is on the topic, how fast a backlog is drained, and
// what it costs to wait for events. It also measures how fast an inbox applies what
// comes.
//
// It knows nothing of how it is done: a Subject writes and relays, and what arrives is
// seen by a consumer of the topic. So this repository's outbox and another's are
// measured by the same code, in the same run (strangler bench outbox). Serve does it
// in processes: one writes and looks, and the relay is one of its own, so that what it
// costs can be told.
package outboxbench
