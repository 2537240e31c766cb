package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// lease owns shards by advisory locks of one database session, which also listens
// for notifications. The locks are the session's: when it ends, for whatever reason,
// they are free. So that a relay which hangs, or whose host is gone, does not keep
// them, the server ends a session that says nothing for a while.
type lease struct {
	config *pgx.ConnConfig
	shards []shard
	own    *ownership
	wake   chan struct{}
	logger *slog.Logger
	// silence is how long the session may say nothing until the server ends it.
	silence time.Duration
}

const (
	// balanceEvery is how often a relay looks for shards to take or to give.
	balanceEvery   = time.Second
	sessionSilence = 15 * time.Second
	leaseTimeout   = 5 * time.Second
	leaveTimeout   = 2 * time.Second
)

// run keeps a session until ctx ends; without one, no shard is owned.
func (l *lease) run(ctx context.Context) {
	pause := patience(maxDatabasePause)
	for {
		began := time.Now()
		err := l.session(ctx)
		l.own.lose()
		if ctx.Err() != nil {
			return
		}
		if time.Since(began) > time.Minute {
			pause.Reset()
		}
		l.logger.WarnContext(ctx, "outbox: lost the session that owns the shards", "error", err)
		sleep(ctx, pause.NextBackOff())
	}
}

func (l *lease) session(ctx context.Context) error {
	conn, err := l.connect(ctx)
	if err != nil {
		return err
	}
	defer l.leave(conn)
	for {
		if err := l.balance(ctx, conn); err != nil {
			return err
		}
		if err := l.listen(ctx, conn, balanceEvery/2+rand.N(balanceEvery)); err != nil {
			return err
		}
	}
}

func (l *lease) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, leaseTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, l.config)
	if err != nil {
		return nil, fmt.Errorf("connect for the shards' locks: %w", err)
	}
	_, err = conn.Exec(ctx, fmt.Sprintf("SET idle_session_timeout = %d", l.silence.Milliseconds()))
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "42704" { // before PostgreSQL 14: TCP's keepalive has to do
		err = nil
	}
	if err == nil {
		_, err = conn.Exec(ctx, "LISTEN "+channel)
	}
	if err == nil {
		_, err = conn.Exec(ctx, fmt.Sprintf("SELECT pg_advisory_lock_shared(%d, %d)", livingClass, livingObject))
	}
	if err != nil {
		conn.Close(ctx)
		return nil, fmt.Errorf("prepare the session for the shards' locks: %w", err)
	}
	return conn, nil
}

// leave lets all shards go and tells the others, who then need not wait until they
// look by themselves.
func (l *lease) leave(conn *pgx.Conn) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	l.own.lose()
	_, _ = conn.Exec(ctx, "SELECT pg_advisory_unlock_all()") // closing does it as well
	_, _ = conn.Exec(ctx, "NOTIFY "+channel+", '"+released+"'")
	conn.Close(ctx)
}

// listen waits for a while, passing on what it hears. A session that was ended shows
// here.
func (l *lease) listen(ctx context.Context, conn *pgx.Conn, d time.Duration) error {
	until, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	for {
		n, err := conn.WaitForNotification(until)
		switch {
		case err == nil && n.Payload == released:
			return nil
		case err == nil:
			wake(l.wake)
		case ctx.Err() != nil:
			return ctx.Err()
		case until.Err() != nil && !conn.IsClosed():
			return nil
		default:
			return fmt.Errorf("listen: %w", err)
		}
	}
}

// balance brings what is owned to a fair share: the shards divided by the relays
// that live, rounded up.
func (l *lease) balance(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, leaseTimeout)
	defer cancel()
	relays, mine, others, err := l.held(ctx, conn)
	if err != nil {
		return err
	}
	fair := (len(l.shards) + relays - 1) / relays
	for _, i := range mine[min(fair, len(mine)):] {
		if !l.own.yield(i) {
			continue // next time: what is under way is finished first
		}
		if err := l.release(ctx, conn, i); err != nil {
			return err
		}
	}
	mine = mine[:min(fair, len(mine))]
	taken, err := l.take(ctx, conn, fair-len(mine), mine, others)
	if err != nil {
		return err
	}
	for _, i := range append(mine, taken...) {
		l.own.own(i)
	}
	return nil
}

// held asks the server who holds what: it knows better than what we remember.
func (l *lease) held(ctx context.Context, conn *pgx.Conn) (relays int, mine, others []int, err error) {
	index := map[[2]int32]int{}
	for i, s := range l.shards {
		class, object := s.lock()
		index[[2]int32{class, object}] = i
	}
	rows, err := conn.Query(ctx, `SELECT classid::bigint, objid::bigint, pid = pg_backend_pid() FROM pg_locks
		WHERE locktype = 'advisory' AND objsubid = 2 AND granted
		AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
	if err != nil {
		return 0, nil, nil, fmt.Errorf("read the shards' locks: %w", err)
	}
	var class, object int64
	var own bool
	_, err = pgx.ForEachRow(rows, []any{&class, &object, &own}, func() error {
		if class == livingClass && object == livingObject {
			relays++
		} else if i, ok := index[[2]int32{int32(class), int32(object)}]; ok && own {
			mine = append(mine, i)
		} else if ok {
			others = append(others, i)
		}
		return nil
	})
	if err != nil {
		return 0, nil, nil, fmt.Errorf("read the shards' locks: %w", err)
	}
	slices.Sort(mine)
	return max(1, relays), mine, others, nil
}

// take tries to lock n shards that nobody has, in random order, so that relays that
// start together don't all want the same ones.
func (l *lease) take(ctx context.Context, conn *pgx.Conn, n int, mine, others []int) ([]int, error) {
	var taken []int
	for _, i := range rand.Perm(len(l.shards)) {
		if len(taken) >= n {
			break
		}
		if slices.Contains(mine, i) || slices.Contains(others, i) {
			continue
		}
		class, object := l.shards[i].lock()
		var ok bool
		if err := conn.QueryRow(ctx, "SELECT pg_try_advisory_lock($1, $2)", class, object).Scan(&ok); err != nil {
			return nil, fmt.Errorf("lock shard %s/%d: %w", l.shards[i].topic, l.shards[i].partition, err)
		}
		if ok {
			taken = append(taken, i)
		}
	}
	return taken, nil
}

func (l *lease) release(ctx context.Context, conn *pgx.Conn, i int) error {
	class, object := l.shards[i].lock()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_unlock($1, $2)", class, object); err != nil {
		return fmt.Errorf("unlock shard %s/%d: %w", l.shards[i].topic, l.shards[i].partition, err)
	}
	_, err := conn.Exec(ctx, "NOTIFY "+channel+", '"+released+"'")
	return err
}

// sleep waits, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
