package tangle

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"gorm.io/gorm"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/database"
	"banyan.dev/platform/problem"
)

type accountStore struct{ db *database.DB }

// account is a row of accounts.
type account struct {
	ID           string
	Name         string
	Email        string
	PasswordHash string
	Role         contracts.Role
	Version      int
	CreatedAt    time.Time
}

// toAccount is the row as the feature knows it.
func (a account) toAccount() accounts.Account {
	a.CreatedAt = a.CreatedAt.UTC()
	return accounts.Account(a)
}

func (s accountStore) Create(ctx context.Context, a accounts.Account, key contracts.Key) (created accounts.Account, replayed bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		known, err := accountKeys.Claim(tx, "", key.Value, key.Hash[:], a.ID)
		if err != nil {
			return err
		}
		if replayed = known != ""; replayed {
			created, err = findAccount(tx.Where("id = ?", known))
			return err
		}
		row := account(a)
		err = tx.Create(&row).Error
		if database.IsUnique(err, "accounts_email") {
			return problem.New(problem.EmailTaken, "somebody has signed up with %s already", a.Email)
		}
		if err != nil {
			return fmt.Errorf("insert account: %w", err)
		}
		created = row.toAccount()
		return nil
	})
	return created, replayed, err
}

func (s accountStore) ByID(ctx context.Context, id string) (accounts.Account, error) {
	if !contracts.IsID(id) {
		return accounts.Account{}, notFound("account", id)
	}
	return findAccount(s.db.Gorm(ctx).Where("id = ?", id))
}

func (s accountStore) ByEmail(ctx context.Context, email string) (accounts.Account, error) {
	if !utf8.ValidString(email) || strings.ContainsRune(email, 0) { // which the database takes for a fault
		return accounts.Account{}, problem.New(problem.NotFound, "there is no such account")
	}
	return findAccount(s.db.Gorm(ctx).Where("lower(email) = lower(?)", email))
}

func findAccount(q *gorm.DB) (accounts.Account, error) {
	var row account
	err := q.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return accounts.Account{}, problem.New(problem.NotFound, "there is no such account")
	}
	if err != nil {
		return accounts.Account{}, fmt.Errorf("select account: %w", err)
	}
	return row.toAccount(), nil
}

// Names returns the present names of those accounts that are there, by id, in one
// statement.
func (s *Store) Names(ctx context.Context, ids []string) (map[string]string, error) {
	var rows []account
	if err := s.db.Gorm(ctx).Select("id", "name").Where("id = ANY(?)", database.UUIDs(ids)).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("select names: %w", err)
	}
	names := make(map[string]string, len(rows))
	for _, r := range rows {
		names[r.ID] = r.Name
	}
	return names, nil
}

func (s accountStore) Update(ctx context.Context, a accounts.Account) (updated accounts.Account, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		changed := tx.Model(&account{}).Where("id = ? AND version = ?", a.ID, a.Version).
			Updates(map[string]any{"name": a.Name, "role": a.Role, "version": a.Version + 1})
		if changed.Error != nil {
			return fmt.Errorf("update account: %w", changed.Error)
		}
		if updated, err = findAccount(tx.Where("id = ?", a.ID)); err != nil {
			return err
		}
		if changed.RowsAffected == 0 {
			return mismatch("account")
		}
		return nil
	})
	return updated, err
}
