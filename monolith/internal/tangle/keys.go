package tangle

import (
	"bytes"
	"fmt"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/problem"
)

// keys is one feature's table of idempotency keys.
type keys struct {
	table  string
	target string // the column with the id of what the key made
}

var (
	accountKeys = keys{"account_keys", "account_id"}
	postKeys    = keys{"post_keys", "post_id"}
	commentKeys = keys{"comment_keys", "comment_id"}
	ruleKeys    = keys{"moderation_keys", "rule_id"}
)

// claim takes the key for a write on target, in the write's transaction, and before
// anything else in it. When it is taken, known is what it stands for, and nothing is
// to be written. Of two that claim at the same time one waits here for the other's
// commit. An author of "" is for tables where the key alone is unique. Problem:
// KeyReused.
func (k keys) claim(tx *gorm.DB, author string, key contracts.Key, target string) (known string, err error) {
	if !key.Given() {
		return "", nil
	}
	row := map[string]any{"key": key.Value, "hash": key.Hash[:], k.target: target}
	if author != "" {
		row["author_id"] = author
	}
	claimed := tx.Table(k.table).Clauses(onConflictDoNothing).Create(row)
	if claimed.Error != nil {
		return "", fmt.Errorf("claim idempotency key: %w", claimed.Error)
	}
	if claimed.RowsAffected == 1 {
		return "", nil
	}
	return k.known(tx, author, key)
}

// known is what a taken key stands for.
func (k keys) known(tx *gorm.DB, author string, key contracts.Key) (string, error) {
	q := tx.Table(k.table).Select("hash", k.target+" AS target").Where("key = ?", key.Value)
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
	if !bytes.Equal(taken.Hash, key.Hash[:]) {
		return "", problem.New(problem.KeyReused, "the idempotency key %q was used for another request: take a new one", key.Value)
	}
	return taken.Target, nil
}

// gone turns NotFound into what it means for a retry: the key's write was done, and
// what it made was deleted since. It is not made again.
func gone(err error) error {
	if problem.Is(err, problem.NotFound) {
		return problem.New(problem.NotFound, "what this idempotency key made is deleted")
	}
	return err
}
