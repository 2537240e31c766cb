package outbox

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/broker"
)

// The mutants are what others do, and what the design says is wrong. The test that
// the relay passes must find each of them out: else it would prove nothing.

// wrong is what a mutant remembers; it outlives its relays, as a table would.
type wrong struct {
	mu     sync.Mutex
	last   map[int]int64 // by shard
	lastTx map[int]string
	rows   map[int64]row
}

// remember keeps what was fetched, so that published knows the shards.
func (w *wrong) remember(rows []row) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rows == nil {
		w.rows = map[int64]row{}
	}
	for _, r := range rows {
		w.rows[r.id] = r
	}
}

const columns = "o.event_id, o.aggregate_id, o.version, o.type, o.source, o.payload, o.headers, o.created_at"

// query fetches one shard's rows by a condition of the mutant's own.
func query(ctx context.Context, t *table, q interface {
	Query(context.Context, string, ...any) (pgx.Rows, error)
}, shard int, where string, args ...any) ([]row, error) {
	args = append([]any{shard, t.shards[shard].topic, t.shards[shard].partition, t.limit}, args...)
	found, err := q.Query(ctx, "SELECT $1::int, o.id, false, "+columns+" FROM outbox o WHERE o.topic = $2 AND o.partition = $3 AND "+where, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(found, t.scan)
}

// behindLastID goes on behind the last id that was published.
type behindLastID struct {
	*wrong
	t *table
}

func (m behindLastID) pending(ctx context.Context, shards []int) ([]row, error) {
	var all []row
	for _, shard := range shards {
		m.mu.Lock()
		last := m.last[shard]
		m.mu.Unlock()
		rows, err := query(ctx, m.t, m.t.pool, shard, "o.id > $5 ORDER BY o.id LIMIT $4", last)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	m.remember(all)
	return all, nil
}

func (m behindLastID) published(_ context.Context, ids []int64) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.last == nil {
		m.last = map[int]int64{}
	}
	for _, id := range ids {
		shard := m.rows[id].shard
		m.last[shard] = max(m.last[shard], id)
	}
	return nil
}

// belowXmin goes on behind the last transaction, and takes only what is of
// transactions before all that run.
type belowXmin struct {
	*wrong
	t *table
}

func (m belowXmin) pending(ctx context.Context, shards []int) ([]row, error) {
	var all []row
	for _, shard := range shards {
		m.mu.Lock()
		id, tx := m.last[shard], m.lastTx[shard]
		m.mu.Unlock()
		if tx == "" {
			tx = "0"
		}
		rows, err := query(ctx, m.t, m.t.pool, shard,
			"(o.xid, o.id) > ($5::text::xid8, $6) AND o.xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY o.xid, o.id LIMIT $4", tx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	m.remember(all)
	return all, nil
}

func (m belowXmin) published(ctx context.Context, ids []int64) error {
	for _, id := range ids { // in the order in which they were published, shard by shard
		var tx string
		if err := m.t.pool.QueryRow(ctx, "SELECT xid::text FROM outbox WHERE id = $1", id).Scan(&tx); err != nil {
			return err
		}
		m.mu.Lock()
		if m.last == nil {
			m.last, m.lastTx = map[int]int64{}, map[int]string{}
		}
		shard := m.rows[id].shard
		m.last[shard], m.lastTx[shard] = id, tx
		m.mu.Unlock()
	}
	return nil
}

// markFirst marks what it takes.
type markFirst struct{ *table }

func (m markFirst) pending(ctx context.Context, shards []int) ([]row, error) {
	rows, err := m.table.pending(ctx, shards)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	ids := make([]int64, len(rows))
	for i, r := range rows {
		ids[i] = r.id
	}
	return rows, m.table.published(ctx, ids)
}

func (markFirst) published(context.Context, []int64) error { return nil }

// impatientFloor looks behind the last id that was drawn, whoever still writes.
type impatientFloor struct{ *table }

func (m impatientFloor) pending(ctx context.Context, shards []int) ([]row, error) {
	reader, err := m.open(ctx)
	if err != nil {
		return nil, err
	}
	reader.every = 0
	if err := reader.probe(ctx); err != nil {
		m.close()
		return nil, err
	}
	reader.holders, reader.decided, reader.every = nil, reader.candidate, time.Hour
	return m.table.pending(ctx, shards)
}

// skipLocked takes what no other relay has locked, and holds the locks until it is
// published: order within a batch, and none between two.
type skipLocked struct {
	*wrong
	t *table
}

// claim is a transaction that holds rows; the answers of all their shards end it.
type claim struct {
	mu     sync.Mutex
	tx     pgx.Tx
	shards int
	acked  []int64
}

var claims sync.Map // event id -> *claim, row id

type claimed struct {
	*claim
	id int64
}

func (m skipLocked) pending(ctx context.Context, shards []int) ([]row, error) {
	tx, err := m.t.pool.Begin(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	c := &claim{tx: tx}
	var all []row
	for _, shard := range shards {
		rows, err := query(ctx, m.t, tx, shard, "o.published_at IS NULL ORDER BY o.id LIMIT $4 FOR UPDATE SKIP LOCKED")
		if err != nil {
			_ = tx.Rollback(context.WithoutCancel(ctx))
			return nil, err
		}
		if len(rows) > 0 {
			c.shards++
		}
		all = append(all, rows...)
	}
	if len(all) == 0 {
		return nil, tx.Rollback(context.WithoutCancel(ctx))
	}
	for _, r := range all {
		claims.Store(r.message.Header(broker.HeaderID), claimed{c, r.id})
	}
	return all, nil
}

func (skipLocked) published(context.Context, []int64) error { return nil }

// claimPublisher tells a claim what became of its shards.
type claimPublisher struct{ inner Publisher }

func (p claimPublisher) Publish(ctx context.Context, messages []broker.Message) error {
	err := p.inner.Publish(ctx, messages)
	var c *claim
	var acked []int64
	for i, m := range messages {
		found, _ := claims.Load(m.Header(broker.HeaderID))
		if i < acknowledged(err, len(messages)) {
			acked = append(acked, found.(claimed).id)
		}
		c = found.(claimed).claim
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acked = append(c.acked, acked...)
	if c.shards--; c.shards > 0 {
		return err
	}
	background := context.Background()
	if _, failed := c.tx.Exec(background, "UPDATE outbox SET published_at = now() WHERE id = ANY($1)", c.acked); failed != nil {
		_ = c.tx.Rollback(background)
		return err
	}
	_ = c.tx.Commit(background)
	return err
}

func mutants() map[string]variant {
	return map[string]variant{
		"a cursor on ids":               {write: change, ledger: func(w *wrong, t *table) ledger { return behindLastID{w, t} }},
		"a cursor below xmin":           {write: change, ledger: func(w *wrong, t *table) ledger { return belowXmin{w, t} }},
		"marking before the answer":     {write: change, ledger: func(_ *wrong, t *table) ledger { return markFirst{t} }},
		"a floor that waits for nobody": {write: change, ledger: func(_ *wrong, t *table) ledger { return impatientFloor{t} }},
		"no lock before the append":     {write: changeUnlocked},
		"SKIP LOCKED without shards": {write: change, unshared: true, relays: 3,
			ledger:    func(w *wrong, t *table) ledger { return skipLocked{w, t} },
			publisher: func(_ *wrong, p Publisher) Publisher { return claimPublisher{p} }},
	}
}

func TestTheTestFindsOut(t *testing.T) {
	for name, v := range mutants() {
		t.Run(name, func(t *testing.T) {
			const most = 10
			for seed := range uint64(most) {
				var got verdict
				t.Run(fmt.Sprint(seed), func(t *testing.T) { got = trial(t, v, seed, 3*time.Second) })
				t.Logf("run %d: %s", seed+1, got)
				if got.wrong() {
					return
				}
			}
			require.Fail(t, "the mutant lives", "%d runs found nothing wrong", most)
		})
	}
}
