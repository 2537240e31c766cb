package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
	"banyan.dev/platform/database"
	"banyan.dev/platform/problem"
)

var keys = database.Keys{Table: "moderation_keys", Target: "rule_id"}

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

// Rules is moderation.Store's.
func (s *Store) Rules(ctx context.Context) ([]moderation.Rule, error) {
	var rows []rule
	if err := s.db.Gorm(ctx).Order("created_at, id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("select rules: %w", err)
	}
	rules := make([]moderation.Rule, len(rows))
	for i, r := range rows {
		rules[i] = r.toRule()
	}
	return rules, nil
}

// AddRule is moderation.Store's.
func (s *Store) AddRule(ctx context.Context, r moderation.Rule, key contracts.Key) (added moderation.Rule, replayed bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		known, err := keys.Claim(tx, "", key.Value, key.Hash[:], r.ID)
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
		return moderation.Rule{}, notFound(id)
	}
	if err != nil {
		return moderation.Rule{}, fmt.Errorf("select rule: %w", err)
	}
	return row.toRule(), nil
}

// DeleteRule is moderation.Store's.
func (s *Store) DeleteRule(ctx context.Context, id string) error {
	if !contracts.IsID(id) {
		return notFound(id)
	}
	deleted := s.db.Gorm(ctx).Where("id = ?", id).Delete(&rule{})
	if deleted.Error != nil {
		return fmt.Errorf("delete rule: %w", deleted.Error)
	}
	if deleted.RowsAffected == 0 {
		return notFound(id)
	}
	return nil
}

func notFound(id string) error { return problem.New(problem.NotFound, "there is no rule %s", id) }
