package embeddedtest

import (
	"context"
	"testing"
	"time"

	"banyan.dev/platform/embedded"
)

// Redis starts a Redis of t's own and returns its URL. It is a redis-server where
// one is found, else the library.
func Redis(t testing.TB) string {
	t.Helper()
	return startRedis(t, embedded.RedisConfig{})
}

// LibraryRedis is Redis, but always the library: what a user without a
// redis-server has must work as well.
func LibraryRedis(t testing.TB) string {
	t.Helper()
	return startRedis(t, embedded.RedisConfig{Library: true})
}

func startRedis(t testing.TB, cfg embedded.RedisConfig) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := embedded.StartRedis(ctx, cfg)
	if err != nil {
		t.Fatalf("start Redis: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := r.Stop(ctx); err != nil {
			t.Errorf("stop Redis: %v", err)
		}
	})
	return r.URL()
}
