package ownership_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"banyan.dev/platform/database"
	"banyan.dev/platform/ownership"
)

const writers = 16

// crowd keeps writers busy until stop is called, and counts what they wrote.
func crowd(b *testing.B, db *database.DB, guard func(tx *gorm.DB) error) (stop func() (written int64)) {
	b.Helper()
	var written atomic.Int64
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	for range writers {
		all.Go(func() {
			for ctx.Err() == nil {
				err := db.InTx(context.Background(), func(tx *gorm.DB) error {
					if err := guard(tx); err != nil {
						return err
					}
					return tx.Exec("INSERT INTO feed (text) VALUES ('written')").Error
				})
				switch {
				case err == nil:
					written.Add(1)
				case !errors.Is(err, ownership.ErrNotOwner):
					b.Error(err)
					return
				default:
					time.Sleep(time.Millisecond) // as the gateway holds it
				}
			}
		})
	}
	return func() int64 { cancel(); all.Wait(); return written.Load() }
}

// BenchmarkFence is how long a fence waits for 16 writers that never rest.
func BenchmarkFence(b *testing.B) {
	for name, c := range map[string]struct {
		guard func(s *ownership.Side) func(tx *gorm.DB) error
		fence func(b *testing.B, db *database.DB, s *ownership.Side) time.Duration
	}{
		"advisory lock": {func(s *ownership.Side) func(*gorm.DB) error { return s.Guard }, fenceOnce},
		"row lock, as it must not be": {
			func(*ownership.Side) func(*gorm.DB) error {
				return func(tx *gorm.DB) error {
					return mustOwn(tx, "SELECT state FROM ownership WHERE resource = 'comments' FOR SHARE")
				}
			}, fenceByRow,
		},
	} {
		b.Run(name, func(b *testing.B) {
			db := open(b, writers+2)
			cfg := config()
			cfg.LockTimeout, cfg.FenceWithin = time.Second, 5*time.Second
			s := owner(b, db, cfg)
			stop := crowd(b, db, c.guard(s))
			var took []time.Duration
			for b.Loop() {
				time.Sleep(20 * time.Millisecond) // until they are all at it again
				took = append(took, c.fence(b, db, s))
				execute(b, db, "UPDATE ownership SET state = 'owner'")
			}
			written := stop()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
			b.ReportMetric(float64(written)/b.Elapsed().Seconds(), "writes/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func fenceOnce(b *testing.B, _ *database.DB, s *ownership.Side) time.Duration {
	begun := time.Now()
	if _, err := s.Do(context.Background(), firstFence); err != nil {
		b.Fatal(err)
	}
	return time.Since(begun)
}

// fenceByRow gives up after 5 s, as the measurement of the design did.
func fenceByRow(b *testing.B, db *database.DB, _ *ownership.Side) time.Duration {
	begun := time.Now()
	err := db.InTx(context.Background(), func(tx *gorm.DB) error {
		if err := tx.Exec("SET LOCAL lock_timeout = 5000").Error; err != nil {
			return err
		}
		return tx.Exec("UPDATE ownership SET state = 'fenced' WHERE resource = 'comments' AND state = 'owner'").Error
	})
	var pg *pgconn.PgError
	if err != nil && (!errors.As(err, &pg) || pg.Code != "55P03") {
		b.Fatal(err)
	}
	return time.Since(begun)
}

// BenchmarkGuard is what the guard costs a writer: two statements.
func BenchmarkGuard(b *testing.B) {
	for name, guarded := range map[string]bool{"guarded": true, "not": false} {
		b.Run(name, func(b *testing.B) {
			db := open(b, writers+2)
			s := owner(b, db, config())
			for b.Loop() {
				err := db.InTx(context.Background(), func(tx *gorm.DB) error {
					if guarded {
						if err := s.Guard(tx); err != nil {
							return err
						}
					}
					return tx.Exec("INSERT INTO feed (text) VALUES ('written')").Error
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
