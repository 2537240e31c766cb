package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// Postgres keeps records in the table web_sessions, which all replicas share.
type Postgres struct {
	db     *sql.DB
	limits Limits
}

// NewPostgres uses the pool; the table comes from session.Migrations.
func NewPostgres(db *sql.DB, limits Limits) *Postgres { return &Postgres{db: db, limits: limits} }

const columns = `hash, user_id, data, created_at, last_seen_at, deadline, user_agent, address`

// Create implements Store.
func (p *Postgres) Create(ctx context.Context, r Record) error {
	_, err := p.db.ExecContext(ctx, `INSERT INTO web_sessions (`+columns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		r.Hash, r.UserID, r.Data, r.CreatedAt, r.LastSeen, r.Deadline, r.UserAgent, r.Address)
	if err != nil {
		return fmt.Errorf("insert session: %w", err)
	}
	return nil
}

// Load implements Store. It writes at most once in touchEvery.
func (p *Postgres) Load(ctx context.Context, hash string) (Found, error) {
	r, err := scan(p.db.QueryRowContext(ctx, `SELECT `+columns+` FROM web_sessions WHERE hash = $1`, hash))
	if errors.Is(err, sql.ErrNoRows) {
		return Found{}, nil
	}
	if err != nil {
		return Found{}, fmt.Errorf("select session: %w", err)
	}
	now := p.limits.now()
	if !p.limits.live(r, now) {
		return Found{}, nil
	}
	if now.Sub(r.LastSeen) >= p.limits.touchEvery() {
		if _, err := p.db.ExecContext(ctx,
			`UPDATE web_sessions SET last_seen_at = $2 WHERE hash = $1 AND last_seen_at < $2`, hash, now); err != nil {
			return Found{}, fmt.Errorf("note use of session: %w", err)
		}
		r.LastSeen = now
	}
	return Found{State: Live, Record: r}, nil
}

// Update implements Store.
func (p *Postgres) Update(ctx context.Context, hash string, data []byte) (bool, error) {
	now := p.limits.now()
	result, err := p.db.ExecContext(ctx,
		`UPDATE web_sessions SET data = $2 WHERE hash = $1 AND deadline > $3 AND last_seen_at > $4`,
		hash, data, now, now.Add(-p.limits.Idle))
	if err != nil {
		return false, fmt.Errorf("update session: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return false, fmt.Errorf("update session: %w", err)
	}
	return n > 0, nil
}

// Revoke implements Store.
func (p *Postgres) Revoke(ctx context.Context, hash string, _ bool) error {
	if _, err := p.db.ExecContext(ctx, `DELETE FROM web_sessions WHERE hash = $1`, hash); err != nil {
		return fmt.Errorf("delete session: %w", err)
	}
	return nil
}

// List implements Store.
func (p *Postgres) List(ctx context.Context, userID string) ([]Record, error) {
	now := p.limits.now()
	rows, err := p.db.QueryContext(ctx, `SELECT `+columns+` FROM web_sessions
		WHERE user_id = $1 AND deadline > $2 AND last_seen_at > $3`, userID, now, now.Add(-p.limits.Idle))
	if err != nil {
		return nil, fmt.Errorf("select sessions of a user: %w", err)
	}
	defer rows.Close()
	var list []Record
	for rows.Next() {
		r, err := scan(rows)
		if err != nil {
			return nil, fmt.Errorf("read session: %w", err)
		}
		list = append(list, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("read sessions of a user: %w", err)
	}
	return list, nil
}

// sweepBatch is how many rows one statement of Sweep deletes, so that it never
// holds many locks.
const sweepBatch = 1000

// Sweep implements Store. It goes on until a batch is not full; replicas that
// sweep at the same time take different rows.
func (p *Postgres) Sweep(ctx context.Context) (int, error) {
	for swept := 0; ; {
		n, err := p.sweep(ctx)
		swept += n
		if err != nil || n < sweepBatch {
			return swept, err
		}
	}
}

func (p *Postgres) sweep(ctx context.Context) (int, error) {
	now := p.limits.now()
	result, err := p.db.ExecContext(ctx, `DELETE FROM web_sessions WHERE hash IN (
		SELECT hash FROM web_sessions WHERE deadline <= $1 OR last_seen_at <= $2 LIMIT $3 FOR UPDATE SKIP LOCKED)`,
		now, now.Add(-p.limits.Idle), sweepBatch)
	if err != nil {
		return 0, fmt.Errorf("delete expired sessions: %w", err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return 0, fmt.Errorf("delete expired sessions: %w", err)
	}
	return int(n), nil
}

func scan(row interface{ Scan(...any) error }) (Record, error) {
	var r Record
	err := row.Scan(&r.Hash, &r.UserID, &r.Data, &r.CreatedAt, &r.LastSeen, &r.Deadline, &r.UserAgent, &r.Address)
	r.CreatedAt, r.LastSeen, r.Deadline = r.CreatedAt.UTC(), r.LastSeen.UTC(), r.Deadline.UTC()
	return r, err
}
