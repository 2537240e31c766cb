package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/features/accounts"
	"banyan.dev/features/comments"
	"banyan.dev/features/feed"
	"banyan.dev/features/moderation"
	"banyan.dev/features/notifications"
	"banyan.dev/features/posts"
	"banyan.dev/monolith/internal/config"
	"banyan.dev/monolith/internal/following"
	"banyan.dev/monolith/internal/ports"
	"banyan.dev/monolith/internal/remotecomments"
	"banyan.dev/monolith/internal/tangle"
	"banyan.dev/monolith/internal/untangled"
	"banyan.dev/platform/database"
	"banyan.dev/platform/session"
)

// blog is every feature, hosted in one process.
type blog struct {
	accounts      *accounts.Service
	posts         *posts.Service
	comments      *comments.Service // this host's own
	talk          comments.UseCases // comments at whoever owns them
	moderation    *moderation.Service
	feed          *feed.Service
	notifications *notifications.Service
	rulebook      *moderation.Rulebook
	names         names // of people, for services
}

// stores is all features' stores, by whichever implementation.
type stores interface {
	Accounts() accounts.Store
	Posts() posts.Store
	Comments() comments.Store
	Moderation() moderation.Store
	Feed() feed.Store
	Notifications() notifications.Store
	names
}

// storesOf is the seam of the stores: joined in the tangle, or each feature's own.
func storesOf(kind config.Stores, db *database.DB) stores {
	if kind == config.Features {
		return untangled.New(db)
	}
	return tangle.New(db)
}

// wireBlog is the seams of the stores, of events and of comments. With events, writes
// of comments ask who owns them and tell of themselves; where another host may be the
// owner, who needs comments asks whoever is.
func (h *host) wireBlog(ctx context.Context, db *database.DB, mailer notifications.Mailer) (blog, error) {
	here := func(own *comments.Service) comments.UseCases { return own }
	if err := ownedHere(ctx, db, h.cfg); err != nil {
		return blog{}, err
	}
	if h.cfg.Events == config.Off {
		return wire(storesOf(h.cfg.Stores, db), mailer, h.settings.publicURL, h.Logger, here), nil
	}
	var err error
	if h.events, err = h.newEvents(ctx, db); err != nil {
		return blog{}, err
	}
	tell := untangled.Events{Owner: h.events.side, Comments: h.events.feed, Posts: h.events.posts}
	talk := here
	if h.cfg.Comments == config.Owner {
		there, err := h.commentsService()
		if err != nil {
			return blog{}, err
		}
		owner := following.New(following.Config{Side: h.events.side, Logger: h.Logger})
		tell.Reads = owner.Lists(h.events.rows, there)
		talk = func(own *comments.Service) comments.UseCases { return owner.Comments(own, there) }
	}
	store := untangled.WithEvents(db, tell)
	b := wire(store, mailer, h.settings.publicURL, h.Logger, talk)
	return b, h.runEvents(db, store, b)
}

// commentsService is the other side of comments.
func (h *host) commentsService() (*remotecomments.Comments, error) {
	keys, err := h.cfg.Keys()
	if err != nil {
		return nil, err
	}
	there, err := remotecomments.New(remotecomments.Config{
		URLs: h.cfg.CommentsURLs, Keys: keys, Host: hostName, Registerer: h.Registry, Logger: h.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("COMMENTS_URLS: %w", err)
	}
	h.OnStop("calls to the comments service", func(context.Context) error { there.Close(); return nil })
	return there, nil
}

// wire hangs the features on their stores and on each other. Which implementation
// stands behind a port is decided here and nowhere else; in this host each port is
// the other feature itself, but for comments that another host may own.
//
//	comments ──Posts──────────▶ posts
//	comments ──Moderation─────▶ moderation (the rulebook)
//	comments ──Notifications──▶ notifications ──Accounts──▶ accounts
//	                                          ──Mailer────▶ SMTP
//	moderation ──Comments─────▶ comments, at whoever owns them
func wire(store stores, mailer notifications.Mailer, publicURL func() string, logger *slog.Logger, talk func(*comments.Service) comments.UseCases) blog {
	now := time.Now
	b := blog{names: store, rulebook: moderation.NewRulebook(store.Moderation())}
	b.accounts = accounts.NewService(store.Accounts(), accounts.NewPasswords(hashesAtOnce()), now)
	b.posts = posts.NewService(store.Posts(), now)
	b.notifications = notifications.NewService(store.Notifications(), ports.NotificationsAccounts{Accounts: b.accounts}, mailer, publicURL, now)
	b.comments = comments.NewService(store.Comments(), ports.CommentsPosts{Posts: b.posts}, b.rulebook, b.notifications, now, logger)
	b.talk = talk(b.comments)
	b.moderation = moderation.NewService(store.Moderation(), b.talk, now)
	b.feed = feed.NewService(store.Feed())
	return b
}

// hashesAtOnce bounds the memory of password hashing, 19 MiB each.
func hashesAtOnce() int { return min(2*runtime.GOMAXPROCS(0), 8) }

// mailerOf is the seam of mail: a server, or nothing.
func mailerOf(cfg config.Config, logger *slog.Logger, registry prometheus.Registerer) (notifications.Mailer, error) {
	if cfg.SMTPAddr == "" {
		return notifications.Unsent{Logger: logger}, nil
	}
	mails := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "mails_total", Help: "Mails handed to the mail server, by outcome.",
	}, []string{"outcome"})
	registry.MustRegister(mails)
	smtp, err := notifications.NewSMTP(cfg.SMTPAddr, cfg.MailFrom, time.Now)
	if err != nil {
		return nil, fmt.Errorf("SMTP_ADDR or MAIL_FROM: %w", err)
	}
	return notifications.Counted{Mailer: smtp, Sent: mails.WithLabelValues("sent"), Failed: mails.WithLabelValues("failed")}, nil
}

// The ports that another package satisfies as it is.
var (
	_ stores                 = (*tangle.Store)(nil)
	_ stores                 = (*untangled.Store)(nil)
	_ accounts.Sessions      = (*session.Manager)(nil)
	_ accounts.Records       = (*session.Manager)(nil)
	_ comments.Moderation    = (*moderation.Rulebook)(nil)
	_ comments.Notifications = (*notifications.Service)(nil)
	_ moderation.Comments    = (*comments.Service)(nil)
)
