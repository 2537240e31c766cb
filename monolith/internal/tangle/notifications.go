package tangle

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
)

type notificationStore struct{ db *database.DB }

// told is a notification with the names that it is shown with.
type told struct {
	ID        string
	Kind      string
	PostID    string
	PostTitle string
	CommentID string
	ActorID   string
	ActorName string
	CreatedAt time.Time
	ReadAt    *time.Time
}

func (t told) toNotification() notifications.Notification {
	n := notifications.Notification{
		ID: t.ID, Kind: t.Kind, Post: notifications.PostRef{ID: t.PostID, Title: t.PostTitle}, CommentID: t.CommentID,
		Actor: contracts.Person{ID: t.ActorID, Name: t.ActorName}, CreatedAt: t.CreatedAt.UTC(),
	}
	if t.ReadAt != nil {
		at := t.ReadAt.UTC()
		n.ReadAt = &at
	}
	return n
}

func (s notificationStore) of(ctx context.Context, userID string) *gorm.DB {
	return s.db.Gorm(ctx).Table("notifications AS n").
		Select("n.id, n.kind, n.post_id, p.title AS post_title, n.comment_id, n.actor_id, a.name AS actor_name, n.created_at, n.read_at").
		Joins("JOIN posts p ON p.id = n.post_id").
		Joins("JOIN accounts a ON a.id = n.actor_id").
		Where("n.user_id = ?", userID)
}

func (s notificationStore) List(ctx context.Context, userID string, page paging.Page) (paging.List[notifications.Notification], error) {
	place, ok, err := start(page)
	if err != nil {
		return paging.List[notifications.Notification]{}, err
	}
	q := s.of(ctx, userID)
	if ok {
		q = q.Where("(n.created_at, n.id) < (?, ?)", place.Time, place.ID)
	}
	var rows []told
	if err := q.Order("n.created_at DESC, n.id DESC").Limit(oneMore(page.Limit)).Find(&rows).Error; err != nil {
		return paging.List[notifications.Notification]{}, fmt.Errorf("select notifications: %w", err)
	}
	return paging.Cut(each(rows, told.toNotification), page.Limit, func(n notifications.Notification) paging.Place {
		return paging.Place{Time: n.CreatedAt, ID: n.ID}
	}), nil
}

func (s notificationStore) Unread(ctx context.Context, userID string) (int, error) {
	var n int64
	if err := s.db.Gorm(ctx).Model(&notification{}).Where("user_id = ? AND read_at IS NULL", userID).Count(&n).Error; err != nil {
		return 0, fmt.Errorf("count unread notifications: %w", err)
	}
	return int(n), nil
}

// Since takes an id that is none, such as "", for the one before all.
func (s notificationStore) Since(ctx context.Context, userID, id string, limit int) ([]notifications.Notification, error) {
	if !contracts.IsID(id) {
		id = uuid.Nil.String()
	}
	var rows []told
	if err := s.of(ctx, userID).Where("n.id > ?", id).Order("n.id").Limit(limit).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("select new notifications: %w", err)
	}
	return each(rows, told.toNotification), nil
}

func (s notificationStore) MarkRead(ctx context.Context, userID, id string, at time.Time) error {
	if !contracts.IsID(id) {
		return notFound("notification", id)
	}
	marked := s.db.Gorm(ctx).Exec(`UPDATE notifications SET read_at = coalesce(read_at, ?) WHERE id = ? AND user_id = ?`, at, id, userID)
	if marked.Error != nil {
		return fmt.Errorf("mark notification: %w", marked.Error)
	}
	if marked.RowsAffected == 0 {
		return notFound("notification", id)
	}
	return nil
}

func (s notificationStore) MarkAllRead(ctx context.Context, userID string, at time.Time) error {
	return s.db.InTx(ctx, func(tx *gorm.DB) error { // which tries again after a deadlock
		err := tx.Exec(`UPDATE notifications SET read_at = ? WHERE user_id = ? AND read_at IS NULL`, at, userID).Error
		if err != nil {
			return fmt.Errorf("mark notifications: %w", err)
		}
		return nil
	})
}
