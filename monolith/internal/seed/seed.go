package seed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"banyan.dev/features/accounts"
	"banyan.dev/platform/database"
)

// Who can be counted on, whatever the seed.
const (
	ModeratorEmail = "moderator@banyan.example"
	AuthorEmail    = "author@banyan.example"
	Password       = "banyan-demo-password"
)

// until is the blog's present: a fixed day, or the same seed would make another blog
// tomorrow.
var until = time.Date(2026, 9, 30, 12, 0, 0, 0, time.UTC)

// Config says how much of what. Two of the users are the moderator and the author.
type Config struct {
	Posts    int
	Comments int
	Users    int
	Seed     int64
}

// Result is how many rows were added; 0 where they were there already.
type Result struct {
	Accounts, Posts, Comments, Notifications, Rules int
}

func (c Config) check() error {
	var errs []error
	bound := func(flag string, n, least, most int) {
		if n < least || n > most {
			errs = append(errs, fmt.Errorf("--%s %d can't be: use %d to %d", flag, n, least, most))
		}
	}
	bound("users", c.Users, 3, math.MaxInt16)
	bound("posts", c.Posts, 1, 1_000_000)
	bound("comments", c.Comments, 0, 10_000_000)
	return errors.Join(errs...)
}

// Run adds what is missing of the blog that cfg describes, in one transaction. The
// database has its migrations. It is safe to call from two processes at once: one
// waits for the other.
func Run(ctx context.Context, db *database.DB, cfg Config) (Result, error) {
	if err := cfg.check(); err != nil {
		return Result{}, err
	}
	hash, err := accounts.NewPasswords(1).Hash(ctx, Password) // once: it is meant to be slow
	if err != nil {
		return Result{}, fmt.Errorf("hash password: %w", err)
	}
	b, err := grow(ctx, cfg, hash)
	if err != nil {
		return Result{}, err
	}
	return write(ctx, db, b)
}
