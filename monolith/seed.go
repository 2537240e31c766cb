package main

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"banyan.dev/monolith/internal/config"
	"banyan.dev/monolith/internal/seed"
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
	if err := ownedHere(ctx, db, cfg); err != nil {
		return errors.Join(err, db.Close())
	}
	if onlyEmpty {
		inUse, err := seed.InUse(ctx, db)
		if err != nil {
			return errors.Join(err, db.Close())
		}
		if inUse {
			logger.InfoContext(ctx, "nothing seeded", "reason", "the blog has accounts already")
			return db.Close()
		}
	}
	added, err := seed.Run(ctx, db, content)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	logger.InfoContext(ctx, "seeded", "accounts", added.Accounts, "posts", added.Posts, "comments", added.Comments,
		"notifications", added.Notifications, "rules", added.Rules)
	logger.WarnContext(ctx, "seeded accounts have a password that everybody can read: never seed a blog that is in use")
	return db.Close()
}
