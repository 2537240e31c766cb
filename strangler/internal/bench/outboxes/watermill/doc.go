// The watermill of `strangler bench outbox`: the same change and the same event as the
// outbox of this repository, brought to Kafka by watermill's forwarder
// (https://watermill.io/advanced/forwarder/) from watermill-sql to watermill-kafka.
//
// It is a module and a process of its own, so that its libraries are no one else's:
// the benchmark builds it when it is needed. settings.yaml is all that it is told, and
// why.
package main
