package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/features/notifications"
	"banyan.dev/platform/database"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// Store keeps notifications. It is safe for concurrent use.
type Store struct {
	db    *database.DB
	ports Ports
}

var _ notifications.Store = (*Store)(nil)

// New returns the store over a database that has its table, and what it needs of
// others. The database stays the caller's to close.
func New(db *database.DB, ports Ports) *Store { return &Store{db, ports} }

func placeOf(n notifications.Notification) paging.Place {
	return paging.Place{Time: n.CreatedAt, ID: n.ID}
}

// List is notifications.Store's. One whose post was deleted while it was read is left
// out.
func (s *Store) List(ctx context.Context, userID string, page paging.Page) (paging.List[notifications.Notification], error) {
	place, ok, err := page.Start()
	if ok && !contracts.IsID(place.ID) { // an id that is none would be an error of the database
		_, _, err = paging.Page{After: page.After + "!"}.Start() // the error for what is no cursor
	}
	if err != nil {
		return paging.List[notifications.Notification]{}, err
	}
	q := s.db.Gorm(ctx).Where("user_id = ?", userID)
	if ok {
		q = q.Where("(created_at, id) < (?, ?)", place.Time, place.ID)
	}
	all, err := find(q.Order("created_at DESC, id DESC").Limit(page.Limit + 1)) // one more shows that there is a next page
	if err != nil {
		return paging.List[notifications.Notification]{}, err
	}
	list := paging.Cut(all, page.Limit, placeOf)
	list.Items, err = s.introduce(ctx, list.Items)
	return list, err
}

// Since is notifications.Store's. An id that is none, such as "", is the one before
// all.
func (s *Store) Since(ctx context.Context, userID, id string, limit int) ([]notifications.Notification, error) {
	if !contracts.IsID(id) {
		id = uuid.Nil.String()
	}
	news, err := find(s.db.Gorm(ctx).Where("user_id = ? AND id > ?", userID, id).Order("id").Limit(limit))
	if err != nil {
		return nil, err
	}
	return s.introduce(ctx, news)
}

func find(q *gorm.DB) ([]notifications.Notification, error) {
	var rows []notification
	if err := q.Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("select notifications: %w", err)
	}
	all := make([]notifications.Notification, len(rows))
	for i, r := range rows {
		all[i] = r.toNotification()
	}
	return all, nil
}

// introduce fills in who did something, and to what.
func (s *Store) introduce(ctx context.Context, all []notifications.Notification) ([]notifications.Notification, error) {
	actors, posts := make([]string, len(all)), make([]string, len(all))
	for i, n := range all {
		actors[i], posts[i] = n.Actor.ID, n.Post.ID
	}
	names, err := s.ports.People.Names(ctx, actors)
	if err != nil {
		return nil, fmt.Errorf("find the names of those who did something: %w", err)
	}
	titles, err := s.ports.Posts.Titles(ctx, posts)
	if err != nil {
		return nil, fmt.Errorf("find the posts' titles: %w", err)
	}
	known := all[:0]
	for _, n := range all {
		title, ok := titles[n.Post.ID]
		if !ok {
			continue
		}
		n.Post.Title, n.Actor.Name = title, names[n.Actor.ID]
		known = append(known, n)
	}
	return known, nil
}

// Unread is notifications.Store's.
func (s *Store) Unread(ctx context.Context, userID string) (int, error) {
	var n int64
	if err := s.db.Gorm(ctx).Model(&notification{}).Where("user_id = ? AND read_at IS NULL", userID).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count unread notifications: %w", err)
	}
	return int(n), nil
}

// MarkRead is notifications.Store's.
func (s *Store) MarkRead(ctx context.Context, userID, id string, at time.Time) error {
	if !contracts.IsID(id) {
		return notFound(id)
	}
	marked := s.db.Gorm(ctx).Exec(`UPDATE notifications SET read_at = coalesce(read_at, ?) WHERE id = ? AND user_id = ?`, at, id, userID)
	if marked.Error != nil {
		return fmt.Errorf("mark notification: %w", marked.Error)
	}
	if marked.RowsAffected == 0 {
		return notFound(id)
	}
	return nil
}

// MarkAllRead is notifications.Store's.
func (s *Store) MarkAllRead(ctx context.Context, userID string, at time.Time) error {
	return s.db.InTx(ctx, func(tx *gorm.DB) error { // which tries again after a deadlock
		err := tx.Exec(`UPDATE notifications SET read_at = ? WHERE user_id = ? AND read_at IS NULL`, at, userID).Error
		if err != nil {
			return fmt.Errorf("mark notifications: %w", err)
		}
		return nil
	})
}

func notFound(id string) error {
	return problem.New(problem.NotFound, "there is no notification %s", id)
}
