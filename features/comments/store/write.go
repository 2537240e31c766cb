package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/database"
	"banyan.dev/platform/problem"
)

var keys = database.Keys{Table: "comment_keys", Target: "comment_id"}

// Create is comments.Store's. The comment, its key, and what follows from it are one
// transaction; the author's name is looked up after it, if the writer brings none.
func (s *Store) Create(ctx context.Context, c contracts.Comment, e comments.Effects, key contracts.Key) (created contracts.Comment, replayed bool, err error) {
	err = s.write(ctx, func(tx *gorm.DB, epoch int64) error {
		known, claimed, err := claim(tx, key, c)
		if err != nil {
			return err
		}
		if replayed = known != ""; replayed {
			created, err = get(tx, known)
			return database.KeyGone(err)
		}
		created, err = s.create(tx, epoch, c, e, claimed)
		return err
	})
	if err != nil {
		return contracts.Comment{}, false, err
	}
	return s.signed(ctx, created, c.Author), replayed, nil
}

// signed is a comment that was just written, with its author's name: the one that the
// writer came with, or else the one that people know. It is written and nothing undoes
// that: who can't be asked for a name leaves it empty, as an account that is gone does.
func (s *Store) signed(ctx context.Context, c contracts.Comment, writer contracts.Person) contracts.Comment {
	if c.Author.ID == writer.ID && writer.Name != "" {
		c.Author.Name = writer.Name
		return c
	}
	if named, err := s.named(ctx, c); err == nil {
		return named
	}
	c.Author.Name = ""
	return c
}

// write runs f in one transaction that begins by asking whether this database owns
// comments, and wakes who publishes the events when it is committed.
func (s *Store) write(ctx context.Context, f func(tx *gorm.DB, epoch int64) error) error {
	err := s.db.InTx(ctx, func(tx *gorm.DB) error {
		epoch, err := s.own(tx)
		if err != nil {
			return err
		}
		return f(tx, epoch)
	})
	if err == nil {
		s.ports.Feed.Wake()
	}
	return err
}

// own is Owner's; where nobody else ever owns, this is the first epoch.
func (s *Store) own(tx *gorm.DB) (epoch int64, err error) {
	if s.ports.Owner == nil {
		return 1, nil
	}
	return s.ports.Owner.Own(tx)
}

// claim is database.Keys' for a comment that is about to be made: all keys that it has by
// then, so that who tells of it need not ask for them.
func claim(tx *gorm.DB, key contracts.Key, c contracts.Comment) (known string, claimed []contracts.CommentKey, err error) {
	if !key.Given() {
		return "", nil, nil
	}
	row := keyRow{AuthorID: c.Author.ID, Key: key.Value, Hash: key.Hash[:], CommentID: c.ID}
	var at []time.Time
	err = tx.Raw(`INSERT INTO comment_keys (author_id, key, hash, comment_id) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING created_at`,
		row.AuthorID, row.Key, row.Hash, row.CommentID).Find(&at).Error
	if err != nil {
		return "", nil, fmt.Errorf("claim idempotency key: %w", err)
	}
	if len(at) == 0 { // taken
		known, err = keys.Claim(tx, row.AuthorID, row.Key, row.Hash, row.CommentID)
		return known, nil, err
	}
	row.CreatedAt = at[0]
	return "", []contracts.CommentKey{row.toKey()}, nil
}

func (s *Store) create(tx *gorm.DB, epoch int64, c contracts.Comment, e comments.Effects, keys []contracts.CommentKey) (contracts.Comment, error) {
	if !contracts.IsID(c.PostID) {
		return contracts.Comment{}, problem.New(problem.NotFound, "there is no post %s", c.PostID)
	}
	if err := s.hold(tx, c.PostID); err != nil {
		return contracts.Comment{}, err
	}
	if err := holdOpen(tx, c.PostID); err != nil {
		return contracts.Comment{}, err
	}
	created, err := insert(tx, c)
	if err != nil {
		return contracts.Comment{}, err
	}
	if err := s.settle(tx, created, "", e); err != nil {
		return contracts.Comment{}, err
	}
	created.Author = c.Author // with the name, for who hears of it
	return created, s.ports.Feed.created(tx, epoch, created, e, keys)
}

// insert makes the row under a post that is held open; NotFound when that is closed. It
// is one statement, which people wait for.
func insert(tx *gorm.DB, c contracts.Comment) (contracts.Comment, error) {
	var made []comment
	err := tx.Raw(`INSERT INTO comments (id, post_id, author_id, body, html, status, version, created_at, updated_at)
		SELECT ?::uuid, ?::uuid, ?::uuid, ?::text, ?::text, ?::text, ?::int, ?::timestamptz, ?::timestamptz
		WHERE NOT EXISTS (SELECT FROM comment_closed_posts WHERE post_id = ?) RETURNING *`,
		c.ID, c.PostID, c.Author.ID, c.Body, c.HTML, c.Status, c.Version, c.CreatedAt, c.UpdatedAt, c.PostID).Find(&made).Error
	if err != nil {
		return contracts.Comment{}, fmt.Errorf("insert comment: %w", err)
	}
	if len(made) == 0 {
		return contracts.Comment{}, problem.New(problem.NotFound, "there is no post %s", c.PostID)
	}
	return made[0].toComment(), nil
}

// Update is comments.Store's; what is one transaction in it is as for Create.
func (s *Store) Update(ctx context.Context, c contracts.Comment, e comments.Effects, key contracts.Key) (updated contracts.Comment, replayed bool, err error) {
	err = s.write(ctx, func(tx *gorm.DB, epoch int64) error {
		known, err := keys.Claim(tx, c.Author.ID, key.Value, key.Hash[:], c.ID)
		if err != nil {
			return err
		}
		if replayed = known != ""; replayed {
			updated, err = get(tx, c.ID)
			return err
		}
		updated, err = s.update(tx, epoch, c, e)
		return err
	})
	if err != nil {
		return contracts.Comment{}, false, err
	}
	return s.signed(ctx, updated, c.Author), replayed, nil
}

func (s *Store) update(tx *gorm.DB, epoch int64, c contracts.Comment, e comments.Effects) (contracts.Comment, error) {
	was, err := s.lock(tx, c.ID)
	if err != nil {
		return contracts.Comment{}, err
	}
	var row comment
	changed := tx.Model(&row).Clauses(clause.Returning{}).Where("id = ? AND version = ?", c.ID, c.Version).Updates(map[string]any{
		"body": c.Body, "html": c.HTML, "status": c.Status, "updated_at": c.UpdatedAt, "version": c.Version + 1,
	})
	if changed.Error != nil {
		return contracts.Comment{}, fmt.Errorf("update comment: %w", changed.Error)
	}
	if changed.RowsAffected == 0 {
		return contracts.Comment{}, mismatch()
	}
	updated := row.toComment()
	if err := s.settle(tx, updated, was.Status, e); err != nil {
		return contracts.Comment{}, err
	}
	if updated.Author.ID == c.Author.ID {
		updated.Author = c.Author // with the name, for who hears of it
	}
	return updated, s.ports.Feed.changed(tx, epoch, updated, was.Status, e)
}

// lock holds the comment's post, then locks the comment, and returns id, post, status
// and version as they are under the lock.
func (s *Store) lock(tx *gorm.DB, id string) (comment, error) {
	if !contracts.IsID(id) {
		return comment{}, notFound(id)
	}
	var row comment
	find := func(q *gorm.DB) error { return q.Where("id = ?", id).Take(&row).Error }
	err := find(tx.Select("post_id")) // which never changes
	if err == nil {
		err = s.hold(tx, row.PostID)
	}
	if err == nil {
		row = comment{}
		err = find(tx.Select("id", "post_id", "status", "version").Clauses(clause.Locking{Strength: "UPDATE"}))
	}
	if errors.Is(err, gorm.ErrRecordNotFound) || problem.Is(err, problem.NotFound) {
		return comment{}, notFound(id) // without its post too: it went with it
	}
	if err != nil {
		return comment{}, fmt.Errorf("lock comment: %w", err)
	}
	return row, nil
}

func mismatch() error {
	return problem.New(problem.VersionMismatch, "the comment has another version by now: read it again, and change that")
}
