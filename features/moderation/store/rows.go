package store

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/database"
	"banyan.dev/platform/paging"
)

// Rows is the feature's tables, and knows no other feature. It is safe for concurrent
// use.
type Rows struct {
	db *database.DB
}

// NewRows returns the rows of a database that has the tables.
func NewRows(db *database.DB) *Rows { return &Rows{db} }

// queued is a row of moderation_queue.
type queued struct {
	CommentID string
	Reason    string
	CreatedAt time.Time
}

func (queued) TableName() string { return "moderation_queue" }

func (q queued) place() paging.Place {
	return paging.Place{Time: q.CreatedAt.UTC(), ID: q.CommentID}
}

// Wait puts a comment in the queue, and why, within the transaction that writes the
// comment. One that waits already keeps its turn and gets the new reason.
func (r *Rows) Wait(tx *gorm.DB, commentID, reason string, since time.Time) error {
	row := queued{CommentID: commentID, Reason: reason, CreatedAt: since}
	err := tx.Clauses(clause.OnConflict{
		Columns: []clause.Column{{Name: "comment_id"}}, DoUpdates: clause.AssignmentColumns([]string{"reason"}),
	}).Create(&row).Error
	if err != nil {
		return fmt.Errorf("insert into moderation queue: %w", err)
	}
	return nil
}

// Keep sees to it that a comment waits, where it may have been forgotten. One that waits
// keeps its turn and its reason.
func (r *Rows) Keep(tx *gorm.DB, commentID string, since time.Time) error {
	row := queued{CommentID: commentID, CreatedAt: since}
	if err := tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&row).Error; err != nil {
		return fmt.Errorf("insert into moderation queue: %w", err)
	}
	return nil
}

// Leave takes out those of the comments that wait, within the transaction that judges
// or deletes them.
func (r *Rows) Leave(tx *gorm.DB, commentIDs ...string) error {
	if len(commentIDs) == 0 {
		return nil
	}
	if err := tx.Where("comment_id = ANY(?)", database.UUIDs(commentIDs)).Delete(&queued{}).Error; err != nil {
		return fmt.Errorf("delete from moderation queue: %w", err)
	}
	return nil
}

// page is one page of the queue, longest waiting first.
func (r *Rows) page(ctx context.Context, page paging.Page) (paging.List[queued], error) {
	place, ok, err := page.Start()
	if ok && !contracts.IsID(place.ID) { // an id that is none would be an error of the database
		_, _, err = paging.Page{After: page.After + "!"}.Start() // the error for what is no cursor
	}
	if err != nil {
		return paging.List[queued]{}, err
	}
	q := r.db.Gorm(ctx)
	if ok {
		q = q.Where("(created_at, comment_id) > (?, ?)", place.Time, place.ID)
	}
	var rows []queued
	if err := q.Order("created_at, comment_id").Limit(page.Limit + 1).Find(&rows).Error; err != nil { // one more shows that there is a next page
		return paging.List[queued]{}, fmt.Errorf("select moderation queue: %w", err)
	}
	return paging.Cut(rows, page.Limit, queued.place), nil
}
