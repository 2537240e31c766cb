package tangle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
	"banyan.dev/platform/database"
	"banyan.dev/platform/paging"
)

type moderationStore struct{ db *database.DB }

// rule is a row of moderation_rules.
type rule struct {
	ID        string
	Kind      moderation.Kind
	Pattern   string
	Max       int
	Verdict   contracts.CommentStatus
	CreatedAt time.Time
}

func (rule) TableName() string { return "moderation_rules" }

func (r rule) toRule() moderation.Rule {
	r.CreatedAt = r.CreatedAt.UTC()
	return moderation.Rule(r)
}

func (s moderationStore) Rules(ctx context.Context) ([]moderation.Rule, error) {
	var rows []rule
	if err := s.db.Gorm(ctx).Order("created_at, id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("select rules: %w", err)
	}
	return each(rows, rule.toRule), nil
}

func (s moderationStore) AddRule(ctx context.Context, r moderation.Rule, key contracts.Key) (added moderation.Rule, replayed bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		known, err := ruleKeys.Claim(tx, "", key.Value, key.Hash[:], r.ID)
		if err != nil {
			return err
		}
		if replayed = known != ""; replayed {
			added, err = getRule(tx, known)
			return database.KeyGone(err)
		}
		row := rule(r)
		if err := tx.Create(&row).Error; err != nil {
			return fmt.Errorf("insert rule: %w", err)
		}
		added = row.toRule()
		return nil
	})
	return added, replayed, err
}

func getRule(tx *gorm.DB, id string) (moderation.Rule, error) {
	var row rule
	err := tx.Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return moderation.Rule{}, notFound("rule", id)
	}
	if err != nil {
		return moderation.Rule{}, fmt.Errorf("select rule: %w", err)
	}
	return row.toRule(), nil
}

func (s moderationStore) DeleteRule(ctx context.Context, id string) error {
	if !contracts.IsID(id) {
		return notFound("rule", id)
	}
	deleted := s.db.Gorm(ctx).Where("id = ?", id).Delete(&rule{})
	if deleted.Error != nil {
		return fmt.Errorf("delete rule: %w", deleted.Error)
	}
	if deleted.RowsAffected == 0 {
		return notFound("rule", id)
	}
	return nil
}

// waiting is one comment in the queue, with all that a moderator wants to see of it.
type waiting struct {
	Comment   commentRead `gorm:"embedded"`
	PostTitle string
	Reason    string
	QueuedAt  time.Time
}

func (w waiting) toItem() moderation.Item {
	return moderation.Item{
		Comment: w.Comment.toComment(), Post: moderation.PostRef{ID: w.Comment.PostID, Title: w.PostTitle},
		Reason: w.Reason, CreatedAt: w.QueuedAt.UTC(),
	}
}

// Queue joins four features' tables.
func (s moderationStore) Queue(ctx context.Context, page paging.Page) (paging.List[moderation.Item], error) {
	place, ok, err := start(page)
	if err != nil {
		return paging.List[moderation.Item]{}, err
	}
	q := commentsWith(s.db.Gorm(ctx), commentColumns+", p.title AS post_title, q.reason, q.created_at AS queued_at").
		Joins("JOIN moderation_queue q ON q.comment_id = c.id").
		Joins("JOIN posts p ON p.id = c.post_id")
	if ok {
		q = q.Where("(q.created_at, q.comment_id) > (?, ?)", place.Time, place.ID)
	}
	var rows []waiting
	if err := q.Order("q.created_at, q.comment_id").Limit(oneMore(page.Limit)).Find(&rows).Error; err != nil {
		return paging.List[moderation.Item]{}, fmt.Errorf("select moderation queue: %w", err)
	}
	return paging.Cut(each(rows, waiting.toItem), page.Limit, func(i moderation.Item) paging.Place {
		return paging.Place{Time: i.CreatedAt, ID: i.Comment.ID}
	}), nil
}
