package reconcile_test

import (
	"context"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/reconcile"
)

// change is what a writer did at the owner, to be done at the follower later.
type change struct {
	at        time.Time
	statement string
	args      []any
}

// write changes rows at the owner until ctx ends, some of them all the time, and sends
// each change on after its commit.
func write(ctx context.Context, t *testing.T, p pair, seed uint64, feed chan<- change) {
	random := rand.New(rand.NewPCG(seed, 0))
	for ctx.Err() == nil {
		i := random.IntN(3000)
		if random.IntN(3) == 0 {
			i = random.IntN(3)
		}
		statement := "UPDATE things SET version = version + 1, body = ?::text WHERE id = md5('thing' || ?::text)::uuid RETURNING *"
		args := []any{strconv.FormatUint(random.Uint64(), 36), strconv.Itoa(i)}
		switch random.IntN(10) {
		case 0:
			statement, args = "DELETE FROM things WHERE id = md5('thing' || ?::text)::uuid RETURNING *", []any{strconv.Itoa(100 + i)}
		case 1:
			statement, args = "INSERT INTO things VALUES (md5(?::text)::uuid, 1, 'new', now()) RETURNING *", []any{strconv.FormatUint(random.Uint64(), 36)}
		}
		var row struct {
			ID, Body string
			Version  int
			At       time.Time
		}
		err := p.dbs[0].InTx(context.Background(), func(tx *gorm.DB) error { return tx.Raw(statement, args...).Scan(&row).Error })
		if err != nil {
			t.Error(err)
			return
		}
		c := change{time.Now(), "DELETE FROM things WHERE id = ?", []any{row.ID}}
		if statement[0] != 'D' {
			c.statement = `INSERT INTO things VALUES (?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET version = excluded.version, body = excluded.body, at = excluded.at
				WHERE things.version < excluded.version`
			c.args = append(c.args, row.Version, row.Body, row.At)
		}
		if row.ID != "" {
			feed <- c
		}
	}
}

// follow does at the follower what was done at the owner, so much later.
func follow(t *testing.T, p pair, lag time.Duration, feed <-chan change) {
	for c := range feed {
		time.Sleep(time.Until(c.at.Add(lag))) // the lag itself
		if err := p.dbs[1].Gorm(context.Background()).Exec(c.statement, c.args...).Error; err != nil {
			t.Error(err)
		}
	}
}

// A follower that is behind all the time has no differences but the one that is one.
func TestLiveWritesAndALaggingFollower(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.fill(t, 5000)
	ctx, stop := context.WithCancel(context.Background())
	var writing, following sync.WaitGroup
	feed := make(chan change, 200) // a writer waits when it is full: the lag is bounded, as the comparison is told
	following.Go(func() { follow(t, p, 400*time.Millisecond, feed) })
	writing.Go(func() { write(ctx, t, p, 1, feed) })
	t.Cleanup(func() { stop(); writing.Wait(); close(feed); following.Wait() })

	opts := reconcile.Options{RangeRows: 200, Again: time.Minute}
	explained := 0
	for range 3 {
		report := p.compare(t, opts)
		require.Empty(t, named(report), "%v", report.Kinds)
		explained += report.Explained()
	}
	require.Positive(t, explained, "the feed was behind")
	t.Logf("%d rows explained", explained)
	run(t, p.dbs[1], "UPDATE things SET body = 'lost' WHERE id = md5('thing4999')::uuid")
	run(t, p.dbs[1], "DELETE FROM marks WHERE name = 'mark-1-17'")
	opts.Again = 10 * time.Second
	require.Len(t, p.compare(t, opts).Differences, 2)
}
