package database

import (
	"bytes"
	"fmt"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"banyan.dev/platform/problem"
)

// Keys is a table of idempotency keys: the columns key and hash, one with the id of
// what a key made, and where keys belong to somebody author_id. What is unique in it
// is (author_id, key), or key alone. It is a value; its methods are safe for
// concurrent use, each within a transaction of its own.
type Keys struct {
	Table  string
	Target string // the column with the id
}

// Claim takes a key for a write on target, in the write's transaction and before
// anything else in it. When it is taken, known is the id that it stands for, and
// nothing is to be written. Of two that claim at the same time one waits here for
// the other's commit. An author of "" is for tables where the key alone is unique;
// an empty value is no key. Problem: KeyReused, when the hash is another.
func (k Keys) Claim(tx *gorm.DB, author, value string, hash []byte, target string) (known string, err error) {
	if value == "" {
		return "", nil
	}
	row := map[string]any{"key": value, "hash": hash, k.Target: target}
	if author != "" {
		row["author_id"] = author
	}
	claimed := tx.Table(k.Table).Clauses(clause.OnConflict{DoNothing: true}).Create(row)
	if claimed.Error != nil {
		return "", fmt.Errorf("claim idempotency key: %w", claimed.Error)
	}
	if claimed.RowsAffected == 1 {
		return "", nil
	}
	return k.known(tx, author, value, hash)
}

// known is what a taken key stands for.
func (k Keys) known(tx *gorm.DB, author, value string, hash []byte) (string, error) {
	q := tx.Table(k.Table).Select("hash", k.Target+" AS target").Where("key = ?", value)
	if author != "" {
		q = q.Where("author_id = ?", author)
	}
	var taken struct {
		Hash   []byte
		Target string
	}
	if err := q.Take(&taken).Error; err != nil {
		return "", fmt.Errorf("read idempotency key: %w", err)
	}
	if !bytes.Equal(taken.Hash, hash) {
		return "", problem.New(problem.KeyReused, "the idempotency key %q was used for another request: take a new one", value)
	}
	return taken.Target, nil
}

// KeyGone turns NotFound into what it means for a retry: the key's write was done,
// and what it made was deleted since. It is not made again.
func KeyGone(err error) error {
	if problem.Is(err, problem.NotFound) {
		return problem.New(problem.NotFound, "what this idempotency key made is deleted")
	}
	return err
}
