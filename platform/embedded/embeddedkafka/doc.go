// Package embeddedkafka starts a Kafka broker as a library, on a real TCP port
// and with a data folder, so that what was acknowledged is there after a restart.
//
// It is franz-go's kfake: any Kafka client works with it. It is for laptops,
// demonstrations and tests, as all of embedded.
package embeddedkafka
