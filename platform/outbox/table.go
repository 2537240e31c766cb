package outbox

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"banyan.dev/platform/broker"
)

// row is an event that waits.
type row struct {
	id      int64
	shard   int
	more    bool // another one waits behind it
	message broker.Message
}

// ledger is what the relay asks of the table: two decisions on which everything
// rests, and which the tests replace by wrong ones to see that they are noticed.
type ledger interface {
	// pending returns, for each of the shards, the events that wait, those to publish
	// first first.
	pending(ctx context.Context, shards []int) ([]row, error)
	// published notes that Kafka has acknowledged events.
	published(ctx context.Context, ids []int64) error
}

// table is the ledger in PostgreSQL.
type table struct {
	pool   *pgxpool.Pool
	shards []shard
	limit  int
	probe  time.Duration // how often the floors are raised
	reader *reader       // of pending, which is for one goroutine
}

const (
	tableTimeout = 30 * time.Second
	// maxStored bounds what is held of a shard at a time, in bytes as they are stored
	// (compressed, when they are large).
	maxStored = 2 << 20
)

// waiting takes the head of each shard's queue. Each is a walk along the index
// outbox_waiting, so a shard that can't be published does not stand in the others'
// way, however long its queue.
const waiting = `
SELECT s.n, w.id, w.more, w.event_id, w.aggregate_id, w.version, w.type, w.source, w.payload, w.headers, w.created_at
FROM unnest($1::int[], $2::text[], $3::int[], $4::bigint[]) AS s (n, topic, partition, floor)
CROSS JOIN LATERAL (
	SELECT head.*, lead(id) OVER (ORDER BY id) IS NOT NULL AS more, sum(stored) OVER (ORDER BY id) AS sum
	FROM (
		SELECT o.*, pg_column_size(o.payload) AS stored FROM outbox o
		WHERE o.topic = s.topic AND o.partition = s.partition AND o.published_at IS NULL AND o.id > s.floor
		ORDER BY o.id LIMIT $5
	) head
) w
WHERE w.sum - w.stored < $6
ORDER BY s.n, w.id`

func (t *table) pending(ctx context.Context, shards []int) ([]row, error) {
	ctx, cancel := context.WithTimeout(ctx, tableTimeout)
	defer cancel()
	reader, err := t.open(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := t.look(ctx, reader, shards)
	if err != nil {
		t.close()
		return nil, err
	}
	first := make(map[int]int64, len(shards))
	for _, r := range rows {
		if first[r.shard] == 0 {
			first[r.shard] = r.id
		}
	}
	reader.raise(shards, first)
	return rows, nil
}

func (t *table) look(ctx context.Context, reader *reader, shards []int) ([]row, error) {
	if err := reader.probe(ctx); err != nil {
		return nil, err
	}
	topics, partitions, floors := make([]string, len(shards)), make([]int, len(shards)), make([]int64, len(shards))
	for n, i := range shards {
		topics[n], partitions[n], floors[n] = t.shards[i].topic, t.shards[i].partition, reader.floors[i]
	}
	found, err := reader.conn.Query(ctx, waiting, shards, topics, partitions, floors, t.limit, maxStored)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	rows, err := pgx.CollectRows(found, t.scan)
	if err != nil {
		return nil, fmt.Errorf("read the outbox: %w", err)
	}
	return rows, nil
}

func (t *table) scan(found pgx.CollectableRow) (row, error) {
	var r row
	var id uuid.UUID
	var aggregate, kind, source string
	var version int64
	var payload, headers []byte
	var created time.Time
	if err := found.Scan(&r.shard, &r.id, &r.more, &id, &aggregate, &version, &kind, &source, &payload, &headers, &created); err != nil {
		return row{}, err
	}
	at := t.shards[r.shard]
	r.message = broker.Message{Topic: at.topic, Partition: at.partition, Key: []byte(aggregate), Value: payload, Time: created}
	r.message.Headers = []broker.Header{
		{Key: broker.HeaderSpecVersion, Value: []byte(broker.SpecVersion)},
		{Key: broker.HeaderID, Value: []byte(id.String())},
		{Key: broker.HeaderType, Value: []byte(kind)},
		{Key: broker.HeaderSource, Value: []byte(source)},
		{Key: broker.HeaderSubject, Value: []byte(aggregate)},
		{Key: broker.HeaderTime, Value: created.UTC().AppendFormat(nil, time.RFC3339Nano)},
		{Key: broker.HeaderContentType, Value: []byte(broker.ContentJSON)},
	}
	if version > 0 {
		r.message.Headers = append(r.message.Headers, broker.Header{Key: broker.HeaderVersion, Value: strconv.AppendInt(nil, version, 10)})
	}
	if len(headers) > len("{}") {
		var more map[string]string
		if err := json.Unmarshal(headers, &more); err != nil {
			return row{}, fmt.Errorf("headers of event %s: %w", id, err)
		}
		for _, name := range slices.Sorted(maps.Keys(more)) {
			r.message.Headers = append(r.message.Headers, broker.Header{Key: name, Value: []byte(more[name])})
		}
	}
	return r, nil
}

func (t *table) published(ctx context.Context, ids []int64) error {
	ctx, cancel := context.WithTimeout(ctx, tableTimeout)
	defer cancel()
	// Without "AND published_at IS NULL", which would let the planner walk over all of
	// outbox_waiting, as it thinks it is empty.
	if _, err := t.pool.Exec(ctx, "UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1)", ids); err != nil {
		return fmt.Errorf("mark %d events as published: %w", len(ids), err)
	}
	return nil
}

// trimmed deletes up to n events that were published before age ago, and returns
// how many it deleted.
func (t *table) trimmed(ctx context.Context, age time.Duration, n int) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, tableTimeout)
	defer cancel()
	done, err := t.pool.Exec(ctx, `DELETE FROM outbox WHERE id = ANY(ARRAY(
		SELECT id FROM outbox WHERE published_at < clock_timestamp() - make_interval(secs => $1) ORDER BY published_at LIMIT $2))`, age.Seconds(), n)
	if err != nil {
		return 0, fmt.Errorf("trim the outbox: %w", err)
	}
	return done.RowsAffected(), nil
}

// backlog is how much of a topic waits.
type backlog struct {
	topic string
	rows  int64 // counted up to countUpTo
	age   time.Duration
}

// countUpTo bounds what counting costs when a broker was away for long.
const countUpTo = 1_000_000

// backlogs also counts what is there for topics that no relay was told of: such
// events never leave, and this is where one sees it.
func (t *table) backlogs(ctx context.Context) ([]backlog, error) {
	ctx, cancel := context.WithTimeout(ctx, tableTimeout)
	defer cancel()
	found, err := t.pool.Query(ctx, `SELECT topic, count(*), extract(epoch FROM clock_timestamp() - min(created_at))::float8
		FROM (SELECT topic, created_at FROM outbox WHERE published_at IS NULL ORDER BY topic, partition, id LIMIT $1) w GROUP BY topic`, countUpTo)
	if err != nil {
		return nil, fmt.Errorf("measure the outbox: %w", err)
	}
	all, err := pgx.CollectRows(found, func(r pgx.CollectableRow) (b backlog, err error) {
		var seconds float64
		err = r.Scan(&b.topic, &b.rows, &seconds)
		b.age = time.Duration(seconds * float64(time.Second))
		return b, err
	})
	if err != nil {
		return nil, fmt.Errorf("measure the outbox: %w", err)
	}
	return all, nil
}
