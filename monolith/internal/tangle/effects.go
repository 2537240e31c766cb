package tangle

import (
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
)

// queued is a row of moderation_queue.
type queued struct {
	CommentID string
	Reason    string
	CreatedAt time.Time
}

func (queued) TableName() string { return "moderation_queue" }

// notification is a row of notifications, as it is written.
type notification struct {
	ID        string
	UserID    string
	Kind      string
	PostID    string
	CommentID string
	ActorID   string
	CreatedAt time.Time
}

// settle does to other features' tables what follows from a comment that stands
// there with a new status; was is the one before, "" for a new comment.
func settle(tx *gorm.DB, c contracts.Comment, was contracts.CommentStatus, e comments.Effects) error {
	if err := count(tx, c.PostID, was, c.Status); err != nil {
		return err
	}
	if err := queue(tx, c, was, e.Reason); err != nil {
		return err
	}
	return notify(tx, c, e.Notice)
}

// count keeps the post's number of approved comments. The post's row is locked.
func count(tx *gorm.DB, postID string, was, is contracts.CommentStatus) error {
	delta := 0
	if was == contracts.Approved {
		delta--
	}
	if is == contracts.Approved {
		delta++
	}
	if delta == 0 {
		return nil
	}
	// The version stays: it is about what the author wrote.
	err := tx.Exec(`UPDATE posts SET comment_count = comment_count + ? WHERE id = ?`, delta, postID).Error
	if err != nil {
		return fmt.Errorf("count comments: %w", err)
	}
	return nil
}

// queue puts what is pending before the moderators, and takes away what is not any
// more. What is edited while it waits keeps its turn.
func queue(tx *gorm.DB, c contracts.Comment, was contracts.CommentStatus, reason string) error {
	switch {
	case c.Status == contracts.Pending:
		row := queued{CommentID: c.ID, Reason: reason, CreatedAt: c.UpdatedAt}
		err := tx.Clauses(clause.OnConflict{
			Columns: []clause.Column{{Name: "comment_id"}}, DoUpdates: clause.AssignmentColumns([]string{"reason"}),
		}).Create(&row).Error
		if err != nil {
			return fmt.Errorf("insert into moderation queue: %w", err)
		}
	case was == contracts.Pending:
		if err := tx.Where("comment_id = ?", c.ID).Delete(&queued{}).Error; err != nil {
			return fmt.Errorf("delete from moderation queue: %w", err)
		}
	}
	return nil
}

// notify tells the post's author, once for each comment.
func notify(tx *gorm.DB, c contracts.Comment, n *contracts.CommentNotice) error {
	if n == nil {
		return nil
	}
	row := notification{
		ID: contracts.NewID(), UserID: n.To, Kind: "comment", PostID: c.PostID, CommentID: c.ID,
		ActorID: n.Actor.ID, CreatedAt: c.UpdatedAt,
	}
	if err := tx.Clauses(onConflictDoNothing).Create(&row).Error; err != nil {
		return fmt.Errorf("insert notification: %w", err)
	}
	return nil
}
