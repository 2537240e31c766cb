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
		known, err := ruleKeys.claim(tx, "", key, r.ID)
		if err != nil {
			return err
		}
		row := rule(r)
		if replayed = known != ""; replayed {
			err = tx.Where("id = ?", known).Take(&row).Error
			if errors.Is(err, gorm.ErrRecordNotFound) {
				return gone(notFound("rule", known))
			}
		} else {
			err = tx.Create(&row).Error
		}
		if err != nil {
			return fmt.Errorf("add rule: %w", err)
		}
		added = row.toRule()
		return nil
	})
	return added, replayed, err
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
	commentRead
	PostTitle string
	Reason    string
	QueuedAt  time.Time
}

func (w waiting) toItem() moderation.Item {
	return moderation.Item{
		Comment: w.toComment(), Post: moderation.PostRef{ID: w.PostID, Title: w.PostTitle},
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
	if err := q.Order("q.created_at, q.comment_id").Limit(oneMore(page.Limit)).Scan(&rows).Error; err != nil {
		return paging.List[moderation.Item]{}, fmt.Errorf("select moderation queue: %w", err)
	}
	return paging.Cut(each(rows, waiting.toItem), page.Limit, func(i moderation.Item) paging.Place {
		return paging.Place{Time: i.CreatedAt, ID: i.Comment.ID}
	}), nil
}
