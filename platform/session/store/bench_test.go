package store_test

import (
	"context"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/session/sessiontest"
	"banyan.dev/platform/session/store"
)

// roundTrips counts what a client sends.
type roundTrips struct{ n int }

func (c *roundTrips) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c *roundTrips) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if cmd.Name() != "hello" {
			c.n++
		}
		return next(ctx, cmd)
	}
}

func (c *roundTrips) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error { return next(ctx, cmds) }
}

// BenchmarkLoad and BenchmarkUpdate set the stores side by side, with 10,000
// sessions in each: go test -bench . ./session/store
func BenchmarkLoad(b *testing.B) {
	compare(b, func(b *testing.B, s store.Store, hash string) {
		found, err := s.Load(b.Context(), hash)
		if err != nil || found.State != store.Live {
			b.Errorf("%v %v", found.State, err)
		}
	})
}

func BenchmarkUpdate(b *testing.B) {
	compare(b, func(b *testing.B, s store.Store, hash string) {
		if written, err := s.Update(b.Context(), hash, []byte("data")); err != nil || !written {
			b.Errorf("%v %v", written, err)
		}
	})
}

func compare(b *testing.B, one func(*testing.B, store.Store, string)) {
	const sessions = 10_000
	limits := store.Limits{Idle: time.Hour, Absolute: 10 * time.Hour, Now: time.Now}
	remote := func(b *testing.B) *store.Redis {
		return store.NewRedis(openClient(b, embeddedtest.Redis(b)), 1, limits, true)
	}
	for name, open := range map[string]func(b *testing.B) store.Store{
		"memory":   func(*testing.B) store.Store { return store.NewMemory(limits) },
		"postgres": func(b *testing.B) store.Store { return store.NewPostgres(openPostgres(b), limits) },
		"redis":    func(b *testing.B) store.Store { return remote(b) },
		"both": func(b *testing.B) store.Store {
			yes := func() bool { return true }
			return &store.Both{Memory: store.NewMemory(limits), Redis: remote(b), Fill: yes, Complete: yes,
				Mismatch: func(context.Context, string, store.Record) {}}
		},
	} {
		b.Run(name, func(b *testing.B) {
			s := open(b)
			for i := range sessions {
				now := time.Now().UTC().Truncate(time.Millisecond)
				require.NoError(b, s.Create(b.Context(), sessiontest.Record(fmt.Sprint(i), fmt.Sprint("u", i), now)))
			}
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					one(b, s, fmt.Sprint(i%sessions))
				}
			})
		})
	}
}
