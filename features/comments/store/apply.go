package store

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
)

// statements write news, one for each table. They are values so that the tests can show
// what becomes of the tables with others. Each takes whether it writes snapshots as
// @snapshot, and its rows as arrays, so that it is the same statement however many they
// are.
type statements struct {
	rows, graves, keys, closed string
}

// guarded are the statements by which versions decide. What is above a comment's
// version may be a row or a tombstone, and takes the place of either.
var guarded = statements{
	rows: `WITH n AS (
			SELECT * FROM unnest(CAST(@id AS text[])::uuid[], CAST(@post AS text[])::uuid[], CAST(@author AS text[])::uuid[], CAST(@body AS text[]), CAST(@html AS text[]), CAST(@status AS text[]),
				CAST(@version AS int[]), CAST(@created AS timestamptz[]), CAST(@updated AS timestamptz[])) AS n (id, post_id, author_id, body, html, status, version, created_at, updated_at)
		), raised AS (
			DELETE FROM comment_tombstones t USING n WHERE t.id = n.id AND (t.version < n.version OR t.version = n.version AND @snapshot)
		)
		INSERT INTO comments (id, post_id, author_id, body, html, status, version, created_at, updated_at)
		SELECT * FROM n WHERE NOT EXISTS (
			SELECT FROM comment_tombstones t WHERE t.id = n.id AND (t.version > n.version OR t.version = n.version AND NOT @snapshot)
		)
		ON CONFLICT (id) DO UPDATE SET post_id = excluded.post_id, author_id = excluded.author_id, body = excluded.body, html = excluded.html,
			status = excluded.status, version = excluded.version, created_at = excluded.created_at, updated_at = excluded.updated_at
		WHERE comments.version < excluded.version OR comments.version = excluded.version AND @snapshot`,
	graves: `WITH n AS (
			SELECT * FROM unnest(CAST(@id AS text[])::uuid[], CAST(@post AS text[])::uuid[], CAST(@author AS text[])::uuid[], CAST(@version AS int[]), CAST(@deleted AS timestamptz[]))
				AS n (id, post_id, author_id, version, deleted_at)
		), gone AS (
			DELETE FROM comments c USING n WHERE c.id = n.id AND (c.version < n.version OR c.version = n.version AND @snapshot)
		)
		INSERT INTO comment_tombstones (id, post_id, author_id, version, deleted_at)
		SELECT * FROM n WHERE NOT EXISTS (
			SELECT FROM comments c WHERE c.id = n.id AND (c.version > n.version OR c.version = n.version AND NOT @snapshot)
		)
		ON CONFLICT (id) DO UPDATE SET post_id = excluded.post_id, author_id = excluded.author_id, version = excluded.version, deleted_at = excluded.deleted_at
		WHERE comment_tombstones.version < excluded.version OR comment_tombstones.version = excluded.version AND @snapshot`,
	keys: `INSERT INTO comment_keys (author_id, key, hash, comment_id, created_at)
		SELECT author_id, key, hash, comment_id, created_at
		FROM unnest(CAST(@author AS text[])::uuid[], CAST(@key AS text[]), CAST(@hash AS bytea[]), CAST(@comment AS text[])::uuid[], CAST(@created AS timestamptz[])) AS n (author_id, key, hash, comment_id, created_at)
		ON CONFLICT (author_id, key) DO UPDATE SET hash = excluded.hash, comment_id = excluded.comment_id, created_at = excluded.created_at
		WHERE @snapshot AND (comment_keys.hash, comment_keys.comment_id, comment_keys.created_at) IS DISTINCT FROM (excluded.hash, excluded.comment_id, excluded.created_at)`,
	closed: `INSERT INTO comment_closed_posts (post_id, key, closed_at)
		SELECT * FROM unnest(CAST(@post AS text[])::uuid[], CAST(@key AS text[]), CAST(@at AS timestamptz[])) AS n (post_id, key, closed_at)
		ON CONFLICT (post_id) DO UPDATE SET key = excluded.key, closed_at = excluded.closed_at
		WHERE @snapshot AND (comment_closed_posts.key, comment_closed_posts.closed_at) IS DISTINCT FROM (excluded.key, excluded.closed_at)`,
}

// write writes news: for each table what live events say, and what snapshots do. No
// comment is in both.
func (s statements) write(tx *gorm.DB, all *news) error {
	for _, snapshot := range []bool{false, true} {
		if err := s.writeRows(tx, all.rows(snapshot), snapshot); err != nil {
			return fmt.Errorf("apply comments: %w", err)
		}
		if err := s.writeGraves(tx, all.graves(snapshot), snapshot); err != nil {
			return fmt.Errorf("apply tombstones: %w", err)
		}
		if err := s.writeKeys(tx, of(all.keys, snapshot, byKey), snapshot); err != nil {
			return fmt.Errorf("apply keys: %w", err)
		}
		if err := s.writeClosed(tx, of(all.closed, snapshot, byPost), snapshot); err != nil {
			return fmt.Errorf("apply closed posts: %w", err)
		}
	}
	return nil
}

// columns are a statement's parameters.
type columns = map[string]any

// column is an array of them. It goes as a pointer: gorm would spread a slice into as
// many parameters as it has items.
func column[R, T any](rows []R, of func(R) T) *[]T {
	values := make([]T, len(rows))
	for i, r := range rows {
		values[i] = of(r)
	}
	return &values
}

func (s statements) writeRows(tx *gorm.DB, rows []contracts.CommentState, snapshot bool) error {
	type row = contracts.CommentState
	if len(rows) == 0 {
		return nil
	}
	return tx.Exec(s.rows, columns{
		"snapshot": snapshot,
		"id":       column(rows, func(r row) string { return r.ID }),
		"post":     column(rows, func(r row) string { return r.PostID }),
		"author":   column(rows, func(r row) string { return r.AuthorID }),
		"body":     column(rows, func(r row) string { return r.Body }),
		"html":     column(rows, func(r row) string { return r.HTML }),
		"status":   column(rows, func(r row) string { return string(r.Status) }),
		"version":  column(rows, func(r row) int32 { return int32(r.Version) }),
		"created":  column(rows, func(r row) time.Time { return r.CreatedAt }),
		"updated":  column(rows, func(r row) time.Time { return r.UpdatedAt }),
	}).Error
}

func (s statements) writeGraves(tx *gorm.DB, graves []contracts.Tombstone, snapshot bool) error {
	type grave = contracts.Tombstone
	if len(graves) == 0 {
		return nil
	}
	return tx.Exec(s.graves, columns{
		"snapshot": snapshot,
		"id":       column(graves, func(g grave) string { return g.ID }),
		"post":     column(graves, func(g grave) string { return g.PostID }),
		"author":   column(graves, func(g grave) string { return g.AuthorID }),
		"version":  column(graves, func(g grave) int32 { return int32(g.Version) }),
		"deleted":  column(graves, func(g grave) time.Time { return g.DeletedAt }),
	}).Error
}

func (s statements) writeKeys(tx *gorm.DB, keys []contracts.CommentKey, snapshot bool) error {
	type key = contracts.CommentKey
	if len(keys) == 0 {
		return nil
	}
	return tx.Exec(s.keys, columns{
		"snapshot": snapshot,
		"author":   column(keys, func(k key) string { return k.AuthorID }),
		"key":      column(keys, func(k key) string { return k.Key }),
		"hash":     column(keys, func(k key) []byte { return k.HashBytes() }),
		"comment":  column(keys, func(k key) string { return k.CommentID }),
		"created":  column(keys, func(k key) time.Time { return k.CreatedAt }),
	}).Error
}

func (s statements) writeClosed(tx *gorm.DB, closed []contracts.ClosedPost, snapshot bool) error {
	type note = contracts.ClosedPost
	if len(closed) == 0 {
		return nil
	}
	return tx.Exec(s.closed, columns{
		"snapshot": snapshot,
		"post":     column(closed, func(c note) string { return c.PostID }),
		"key":      column(closed, func(c note) string { return c.Key }),
		"at":       column(closed, func(c note) time.Time { return c.ClosedAt }),
	}).Error
}
