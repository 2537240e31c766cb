package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	commentstore "banyan.dev/features/comments/store"
	"banyan.dev/monolith/internal/config"
	"banyan.dev/monolith/internal/seed"
	"banyan.dev/platform/database"
)

// seedCommand fills a blog to look at and to measure.
func seedCommand(environ []string, out io.Writer) *cobra.Command {
	var content seed.Config
	var onlyEmpty bool
	c := &cobra.Command{
		Use:   "seed",
		Short: "Fill a realistic blog, the same one for the same seed",
		Args:  cobra.NoArgs,
		RunE: withConfig(environ, out, func(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
			return fill(ctx, cfg, logger, content, onlyEmpty)
		}),
	}
	c.Flags().IntVar(&content.Posts, "posts", 200, "how many posts")
	c.Flags().IntVar(&content.Comments, "comments", 1000, "how many comments")
	c.Flags().IntVar(&content.Users, "users", 50, "how many people, authors and moderators among them")
	c.Flags().Int64Var(&content.Seed, "seed", 1, "chooses the content; the same one again adds nothing")
	c.Flags().BoolVar(&onlyEmpty, "only-empty", false, "add nothing to a blog in which anybody has an account")
	return c
}

func fill(ctx context.Context, cfg config.Config, logger *slog.Logger, content seed.Config, onlyEmpty bool) error {
	db, err := openDatabase(ctx, cfg, logger)
	if err != nil {
		return err
	}
	return errors.Join(fillDatabase(ctx, db, logger, content, onlyEmpty), db.Close())
}

func fillDatabase(ctx context.Context, db *database.DB, logger *slog.Logger, content seed.Config, onlyEmpty bool) error {
	if onlyEmpty {
		inUse, err := seed.InUse(ctx, db)
		if err != nil {
			return err
		}
		if inUse {
			logger.InfoContext(ctx, "nothing seeded", "reason", "the blog has accounts already")
			return nil
		}
	}
	var added seed.Result
	err := whileUntold(ctx, db, func() (err error) { added, err = seed.Run(ctx, db, content); return err })
	if err != nil {
		return err
	}
	logger.InfoContext(ctx, "seeded", "accounts", added.Accounts, "posts", added.Posts, "comments", added.Comments,
		"notifications", added.Notifications, "rules", added.Rules)
	logger.WarnContext(ctx, "seeded accounts have a password that everybody can read: never seed a blog that is in use")
	return nil
}

// whileUntold is seed.WhileUntold for comments.
func whileUntold(ctx context.Context, db *database.DB, f func() error) error {
	side, err := sideOf(db, commentstore.NewFeed(commentstore.FeedConfig{Source: eventSource, Topic: commentsTopic}))
	if err != nil {
		return err
	}
	return seed.WhileUntold(ctx, db, side, commentstore.Resource, f)
}
