package kafkatest

import (
	"context"
	"crypto/rand"
	"os"
	"strings"
	"testing"

	"banyan.dev/platform/embedded/embeddedkafka"
)

// Variable names an Apache Kafka, as host:port of a broker, that tests use in place of
// embedded ones.
const Variable = "BANYAN_TEST_KAFKA"

// Given is the address of the Kafka that the environment names, or "".
func Given() string { return os.Getenv(Variable) }

// Start returns the address of a broker: of the given one, else of an embedded one
// that ends with t. Since the given one is shared by all tests, names of topics and
// groups come from Unique.
func Start(t testing.TB) string {
	t.Helper()
	if given := Given(); given != "" {
		return given
	}
	k, err := embeddedkafka.Start(context.Background(), embeddedkafka.Config{})
	if err != nil {
		t.Fatalf("start Kafka: %v", err)
	}
	t.Cleanup(func() {
		if err := k.Stop(context.Background()); err != nil {
			t.Errorf("stop Kafka: %v", err)
		}
	})
	return k.Addr()
}

// OwnOnly skips a test that breaks its broker or looks into it, where one is given.
func OwnOnly(t testing.TB) {
	t.Helper()
	if Given() != "" {
		t.Skipf("it breaks the broker or looks into it: not with %s", Variable)
	}
}

// Unique is a name of a topic or group that no other test has.
func Unique(name string) string { return name + "-" + strings.ToLower(rand.Text()[:10]) }
