package store

import (
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"banyan.dev/features/contracts"
	"banyan.dev/features/notifications"
)

// notification is a row of notifications.
type notification struct {
	ID        string
	UserID    string
	Kind      string
	PostID    string
	CommentID string
	ActorID   string
	CreatedAt time.Time
	ReadAt    *time.Time
}

// toNotification is the row as the feature knows it, without title and name.
func (r notification) toNotification() notifications.Notification {
	n := notifications.Notification{
		ID: r.ID, Kind: r.Kind, Post: notifications.PostRef{ID: r.PostID}, CommentID: r.CommentID,
		Actor: contracts.Person{ID: r.ActorID}, CreatedAt: r.CreatedAt.UTC(),
	}
	if r.ReadAt != nil {
		at := r.ReadAt.UTC()
		n.ReadAt = &at
	}
	return n
}

// Tell notes that a person is to be told of a comment, within the transaction that
// writes the comment. What is noted already is not noted again.
func (s *Store) Tell(tx *gorm.DB, n contracts.CommentNotice, at time.Time) error {
	row := notification{
		ID: contracts.NewID(), UserID: n.To, Kind: "comment", PostID: n.PostID, CommentID: n.CommentID,
		ActorID: n.Actor.ID, CreatedAt: at,
	}
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
		return fmt.Errorf("insert notification: %w", err)
	}
	return nil
}

// Forget removes what tells of a comment, within the transaction that deletes it.
func (s *Store) Forget(tx *gorm.DB, commentID string) error {
	return forget(tx.Where("comment_id = ?", commentID))
}

// ForgetPost removes what tells of any comment under a post, within the transaction
// that deletes them.
func (s *Store) ForgetPost(tx *gorm.DB, postID string) error {
	return forget(tx.Where("post_id = ?", postID))
}

func forget(which *gorm.DB) error {
	if err := which.Delete(&notification{}).Error; err != nil {
		return fmt.Errorf("delete notifications: %w", err)
	}
	return nil
}
