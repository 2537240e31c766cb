// Package broker is how a host reaches Kafka, and the one package that imports
// kafka-go: topics that are made before they are used, a Publisher that says of
// each message whether it is acknowledged, a Consumer whose partitions are handed
// out one by one for as long as they are the member's own, and how far a group is
// behind.
//
// The outbox's relay publishes through it and the inbox consumes through it; both
// see plain values (Message, Topic), never kafka-go's. The names of the headers in
// which an event's attributes travel are here too, since both sides need them: they
// are CloudEvents' Kafka binding, binary mode
// (https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md).
//
// It promises what Kafka promises without transactions: a message that was
// acknowledged is kept and in its place; one that was not may be there all the same
// (once or twice). So publishers repeat and consumers tell repetitions apart by the
// event's id.
package broker
