package outbox

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/broker"
)

func TestWhatIsPublishedIsTrimmed(t *testing.T) {
	r := newRig(t)
	cfg, registry := r.config(), prometheus.NewRegistry()
	cfg.Registerer, cfg.Keep = registry, time.Minute
	r.execute(`INSERT INTO outbox (event_id, topic, partition, aggregate_id, version, type, source, payload, headers, published_at)
		SELECT gen_random_uuid(), $1, 0, 'a', n, 't', 's', '{}', '{}', now() - make_interval(secs => n) FROM generate_series(1, 5000) n`, topic.Name)
	unknown := event("a", 1, "{}")
	unknown.Topic.Name = "nobody.knows"
	r.append(unknown)
	_, stop := r.run(cfg)
	r.eventually("trimmed", func() bool {
		return r.number("SELECT count(*) FROM outbox WHERE published_at < now() - interval '1 minute'") == 0
	})
	require.Greater(t, r.number("SELECT count(*) FROM outbox"), 30, "what is younger stays")
	r.eventually("measured", func() bool {
		n, err := testutil.GatherAndCount(registry, "banyan_outbox_waiting")
		return err == nil && n == 2
	})
	require.NoError(t, testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP banyan_outbox_waiting Events in the outbox that are not published yet, up to 1,000,000. The same at every relay.
# TYPE banyan_outbox_waiting gauge
banyan_outbox_waiting{topic="nobody.knows"} 1
banyan_outbox_waiting{topic="`+topic.Name+`"} 0
# HELP banyan_outbox_shards_owned Shards that this relay owns. The sum over all relays is the number of shards.
# TYPE banyan_outbox_shards_owned gauge
banyan_outbox_shards_owned 4
`), "banyan_outbox_waiting", "banyan_outbox_shards_owned"))
	stop()
	n, err := testutil.GatherAndCount(registry)
	require.NoError(t, err)
	require.Zero(t, n, "a relay that has stopped tells nothing")
}

// counted notes how much is held at a time.
type counted struct {
	Publisher
	most atomic.Int64
}

func (c *counted) Publish(ctx context.Context, messages []broker.Message) error {
	size := 0
	for _, m := range messages {
		size += len(m.Value)
	}
	for {
		most := c.most.Load()
		if int64(size) <= most || c.most.CompareAndSwap(most, int64(size)) {
			return c.Publisher.Publish(ctx, messages)
		}
	}
}

func TestLargeEventsAreTakenAFewAtATime(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	publisher := &counted{Publisher: cfg.Publisher}
	cfg.Publisher, cfg.Poll = publisher, time.Hour
	for i := range 20 {
		r.append(event("a", int64(i+1), `"`+incompressible(500<<10)+`"`))
	}
	_, stop := r.run(cfg)
	r.eventually("published", func() bool { return r.unpublished() == 0 })
	stop()
	require.Len(t, r.read(), 20)
	require.LessOrEqual(t, publisher.most.Load(), int64(maxStored+512<<10+2))
}

// incompressible is text of n digits that looks random.
func incompressible(n int) string {
	var b strings.Builder
	x := uint64(88172645463325252)
	for b.Len() < n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		b.WriteString(strconv.FormatUint(x, 36))
	}
	return b.String()[:n]
}

// ids are those of the rows.
func ids(rows []row) (all []int64) {
	for _, r := range rows {
		all = append(all, r.id)
	}
	return all
}

func TestAFloorNeverPassesWhatIsUndecided(t *testing.T) {
	r := newRig(t)
	pool, err := pgxpool.New(t.Context(), r.url)
	require.NoError(t, err)
	defer pool.Close()
	shards, err := shardsOf([]broker.Topic{topic})
	require.NoError(t, err)
	table := &table{pool: pool, shards: shards, limit: 10}
	defer table.close()
	all := []int{0, 1, 2, 3}
	look := func() []row {
		t.Helper()
		rows, err := table.pending(t.Context(), all)
		require.NoError(t, err)
		return rows
	}
	shard := topic.Partition("a")
	for range 3 {
		require.Empty(t, look())
	}
	require.Equal(t, make([]int64, 4), table.reader.floors, "nothing was drawn yet")

	r.append(event("a", 1, "{}")) // 1
	slow := r.db.Gorm(t.Context()).Begin()
	defer slow.Rollback()
	require.NoError(t, Append(slow, event("a", 2, "{}"))) // 2, undecided
	r.append(event("b", 1, "{}"))                         // 3
	rows := look()
	require.ElementsMatch(t, []int64{1, 3}, ids(rows))
	require.NoError(t, table.published(t.Context(), ids(rows)))
	for range 5 {
		require.Empty(t, look())
		require.Less(t, table.reader.floors[shard], int64(2))
	}
	require.NoError(t, slow.Commit().Error)
	rows = look()
	require.Equal(t, []int64{2}, ids(rows))
	require.Less(t, table.reader.floors[shard], int64(2), "it waits still")
	require.NoError(t, table.published(t.Context(), ids(rows)))
	look()
	require.Equal(t, []int64{3, 3, 3, 3}, table.reader.floors)

	rolledBack := errors.New("rolled back")
	require.ErrorIs(t, r.db.InTx(t.Context(), func(tx *gorm.DB) error {
		require.NoError(t, Append(tx, event("a", 3, "{}")))
		return rolledBack
	}), rolledBack)
	require.Empty(t, look())
	require.Equal(t, []int64{4, 4, 4, 4}, table.reader.floors)
}

func TestASequenceThatIsSetBackHidesNothing(t *testing.T) {
	r := newRig(t)
	cfg := r.config()
	_, stop := r.run(cfg)
	for n := range 20 {
		r.append(event("a", int64(n+1), "{}"))
	}
	r.eventually("published", func() bool { return r.unpublished() == 0 })
	r.execute("TRUNCATE outbox RESTART IDENTITY")
	r.append(event("a", 1, "{}"))
	r.eventually("published", func() bool { return r.unpublished() == 0 })
	require.EqualValues(t, 21, r.topicEnd())
	stop()
}
