// Package embedded starts the servers that the blog needs, so that a laptop with
// Go on it needs nothing else: a real PostgreSQL, Redis, and a mail sink. Kafka
// is in embeddedkafka, because its library is heavy; databases for tests are in
// embeddedtest.
//
// PostgreSQL is always a real one: taken from PATH or the usual install folders,
// else fetched once into the user's cache. Redis is a redis-server where one is
// found, else a library in this process. Everything listens on loopback only.
//
// What is started here dies with the process that started it, also after kill -9
// (see guard.go); what must outlive a command is started by a process of its own.
// The package is for laptops, demonstrations and tests. It never runs in
// production, and no host imports it outside its tests.
package embedded
