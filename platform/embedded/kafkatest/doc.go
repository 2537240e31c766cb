// Package kafkatest gives tests a Kafka: one of the test's own, embedded, or the real
// one that the environment names. So the same tests hold against both (.ci/kafka
// starts a real one). Nothing but tests imports it.
package kafkatest
