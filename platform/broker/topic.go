package broker

import (
	"fmt"
	"time"
)

// Topic is a topic as it has to be. Its number of partitions is fixed when it is
// made: which partition a key belongs to depends on it, and so does the order of
// the key's messages.
type Topic struct {
	Name       string
	Partitions int
	// Replicas is how many brokers keep a copy when the topic is made; 0 means the
	// cluster's default. It is not compared afterwards: operators change it.
	Replicas int
	// Retention is how long messages are kept when the topic is made; 0 means the
	// cluster's default, a negative one for ever.
	Retention time.Duration
	// Config holds further settings for the topic's making, by Kafka's names, for
	// instance min.insync.replicas.
	Config map[string]string
}

// Check tells what is wrong with a topic, with the mend.
func (t Topic) Check() error {
	if t.Name == "" {
		return fmt.Errorf("a topic has no name: give it one, for instance banyan.comments.v1")
	}
	if t.Partitions < 1 {
		return fmt.Errorf("topic %s has %d partitions: give it at least 1, and as many as it will ever need", t.Name, t.Partitions)
	}
	return nil
}

// Partition is the partition that a key belongs to: murmur2 of the key, as in
// Kafka's own Java client, so that whoever else publishes with that key finds the
// same one (https://github.com/apache/kafka, Utils.murmur2 and BuiltInPartitioner).
// It allocates nothing.
func (t Topic) Partition(key string) int {
	return int(murmur2(key)&0x7fffffff) % t.Partitions
}

func murmur2(key string) uint32 {
	const (
		seed = 0x9747b28c
		m    = 0x5bd1e995
		r    = 24
	)
	h := uint32(seed) ^ uint32(len(key))
	for ; len(key) >= 4; key = key[4:] {
		k := uint32(key[0]) | uint32(key[1])<<8 | uint32(key[2])<<16 | uint32(key[3])<<24
		k *= m
		k ^= k >> r
		k *= m
		h *= m
		h ^= k
	}
	switch len(key) {
	case 3:
		h ^= uint32(key[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(key[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(key[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}
