package outbox

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// reader is the session that reads the queues. It knows, for each, up to which id
// there is nothing left to find, and begins behind it.
//
// Without that, each look would walk over all that was published since the oldest
// transaction of the database began: PostgreSQL can't drop an index entry that such
// a transaction might still want to see. With a pg_dump running and 300,000 events
// published meanwhile, an event took 2.8 s to reach Kafka; with it, milliseconds.
//
// That an id was not found does not mean that it won't be: its transaction may still
// run. So a floor is only what is decided. Whoever inserts into the outbox has a
// lock of mode ROW EXCLUSIVE on the table from before the id is drawn until the
// commit is visible. So: read the last id that was drawn, then note who holds that
// lock; once none of these holds it any more, every id up to that one is decided,
// whoever else writes. What is then not found unpublished never will be.
//
// What a session knows dies with it. After a crash the server may hand out ids
// again, and forget marks, since marking does not wait for the disk; but a crash
// ends the session.
type reader struct {
	conn   *pgxpool.Conn
	floors []int64 // by shard: everything up to it is published, or was rolled back

	decided   int64               // every id up to it is committed or rolled back
	candidate int64               // it will be, when none of holders writes any more
	holders   map[string]struct{} // transactions
	probed    time.Time
	every     time.Duration
}

// probeEvery is how often the floors are raised. In between, what was published
// since is walked over.
const probeEvery = 200 * time.Millisecond

// probe raises what is decided.
func (r *reader) probe(ctx context.Context) error {
	if time.Since(r.probed) < r.every {
		return nil
	}
	var drawn int64
	// A sequence that nothing was drawn from yet says 1, which is yet to come.
	if err := r.conn.QueryRow(ctx, "SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END FROM outbox_id_seq").Scan(&drawn); err != nil {
		return fmt.Errorf("read the outbox's sequence: %w", err)
	}
	// After the sequence, and so in a statement of its own.
	found, err := r.conn.Query(ctx, `SELECT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND mode = 'RowExclusiveLock'
		AND relation = 'outbox'::regclass AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	if err != nil {
		return fmt.Errorf("read who writes to the outbox: %w", err)
	}
	names, err := pgx.CollectRows(found, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("read who writes to the outbox: %w", err)
	}
	if drawn < r.candidate { // somebody has set the sequence back
		r.decided, r.candidate, r.holders = 0, 0, nil
		clear(r.floors)
	}
	r.note(drawn, names)
	r.probed = time.Now()
	return nil
}

// note is a step of the argument above: who writes now, and what was drawn before.
func (r *reader) note(drawn int64, writers []string) {
	now := make(map[string]struct{}, len(writers))
	waited := false
	for _, w := range writers {
		now[w] = struct{}{}
		_, still := r.holders[w]
		waited = waited || still
	}
	switch {
	case len(now) == 0:
		r.decided, r.candidate, r.holders = drawn, drawn, nil
	case !waited:
		r.decided, r.candidate, r.holders = r.candidate, drawn, now
	}
}

// raise sets the floors after a look that began when r.decided was so already. first
// has the first id found of each shard, 0 where there is none.
func (r *reader) raise(shards []int, first map[int]int64) {
	for _, i := range shards {
		floor := r.decided
		if id := first[i]; id > 0 {
			floor = min(floor, id-1)
		}
		r.floors[i] = max(r.floors[i], floor)
	}
}

// open takes a session for reading.
func (t *table) open(ctx context.Context) (*reader, error) {
	if t.reader != nil {
		return t.reader, nil
	}
	conn, err := t.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect to read the outbox: %w", err)
	}
	t.reader = &reader{conn: conn, floors: make([]int64, len(t.shards)), every: t.probe}
	if err := t.reader.settle(ctx); err != nil {
		t.close()
		return nil, err
	}
	return t.reader, nil
}

// settle probes until something is decided, if that does not take long: the first
// look is a long one, and what it finds out is kept only when it knows that.
func (r *reader) settle(ctx context.Context) error {
	for range 10 {
		if err := r.probe(ctx); err != nil || r.decided > 0 {
			return err
		}
		r.probed = time.Time{}
		sleep(ctx, 5*time.Millisecond)
	}
	return nil
}

// close gives the session up, and what it knows.
func (t *table) close() {
	if t.reader == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	_ = t.reader.conn.Conn().Close(ctx)
	t.reader.conn.Release()
	t.reader = nil
}
