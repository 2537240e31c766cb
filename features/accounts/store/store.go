package store

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

// Store keeps accounts. It is safe for concurrent use.
type Store struct {
	db *database.DB
}

var _ accounts.Store = (*Store)(nil)

// New returns the store over a database that has its tables. The database stays the
// caller's to close.
func New(db *database.DB) *Store { return &Store{db} }

var keys = database.Keys{Table: "account_keys", Target: "account_id"}

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

func (a account) toAccount() accounts.Account {
	a.CreatedAt = a.CreatedAt.UTC()
	return accounts.Account(a)
}

// Create is accounts.Store's.
func (s *Store) Create(ctx context.Context, a accounts.Account, key contracts.Key) (created accounts.Account, replayed bool, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		known, err := keys.Claim(tx, "", key.Value, key.Hash[:], a.ID)
		if err != nil {
			return err
		}
		if replayed = known != ""; replayed {
			created, err = find(tx.Where("id = ?", known))
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

// ByID is accounts.Store's.
func (s *Store) ByID(ctx context.Context, id string) (accounts.Account, error) {
	if !contracts.IsID(id) {
		return accounts.Account{}, problem.New(problem.NotFound, "there is no account %s", id)
	}
	return find(s.db.Gorm(ctx).Where("id = ?", id))
}

// ByEmail is accounts.Store's.
func (s *Store) ByEmail(ctx context.Context, email string) (accounts.Account, error) {
	if !utf8.ValidString(email) || strings.ContainsRune(email, 0) { // which the database takes for a fault
		return accounts.Account{}, nobody()
	}
	return find(s.db.Gorm(ctx).Where("lower(email) = lower(?)", email))
}

func find(q *gorm.DB) (accounts.Account, error) {
	var row account
	err := q.Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return accounts.Account{}, nobody()
	}
	if err != nil {
		return accounts.Account{}, fmt.Errorf("select account: %w", err)
	}
	return row.toAccount(), nil
}

// nobody does not repeat the address that was asked for.
func nobody() error { return problem.New(problem.NotFound, "there is no such account") }

// Update is accounts.Store's.
func (s *Store) Update(ctx context.Context, a accounts.Account) (updated accounts.Account, err error) {
	err = s.db.InTx(ctx, func(tx *gorm.DB) error {
		changed := tx.Model(&account{}).Where("id = ? AND version = ?", a.ID, a.Version).
			Updates(map[string]any{"name": a.Name, "role": a.Role, "version": a.Version + 1})
		if changed.Error != nil {
			return fmt.Errorf("update account: %w", changed.Error)
		}
		if updated, err = find(tx.Where("id = ?", a.ID)); err != nil {
			return err
		}
		if changed.RowsAffected == 0 {
			return problem.New(problem.VersionMismatch, "the account has another version by now: read it again, and change that")
		}
		return nil
	})
	return updated, err
}

// Names returns the present names of those accounts that are there, by id, in one
// statement; an id may stand in the list more than once. It is the port by which
// other features show people.
func (s *Store) Names(ctx context.Context, ids []string) (map[string]string, error) {
	names := make(map[string]string, len(ids))
	if len(ids) == 0 {
		return names, nil
	}
	var rows []account
	err := s.db.Gorm(ctx).Select("id", "name").Where("id = ANY(?)", database.UUIDs(ids)).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("select names: %w", err)
	}
	for _, r := range rows {
		names[r.ID] = r.Name
	}
	return names, nil
}
