package pages

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/features/feed"
	"banyan.dev/features/moderation"
	"banyan.dev/features/notifications"
	"banyan.dev/features/posts"
	"banyan.dev/platform/paging"
)

// Comments is the use cases of comments, by whoever owns them: the feature in this
// process, or another host. Their problems are those of comments.Service, and
// httpkit.Unavailable when who owns them can't be asked: then a page is shown without
// them and says so, and of a write nobody knows whether it was done.
type Comments interface {
	Write(ctx context.Context, v contracts.Viewer, postID, body string, key contracts.Key) (created contracts.Comment, replayed bool, err error)
	Get(ctx context.Context, v contracts.Viewer, id string) (contracts.Comment, error)
	List(ctx context.Context, v contracts.Viewer, postID string, page paging.Page) (paging.List[contracts.Comment], error)
	Edit(ctx context.Context, v contracts.Viewer, id, body string, version int, key contracts.Key) (updated contracts.Comment, replayed bool, err error)
	Delete(ctx context.Context, v contracts.Viewer, id string, version int) error
}

// Flashes keeps a message from one request to the next page of somebody who is
// signed in. session.Manager satisfies it.
type Flashes interface {
	PutFlash(ctx context.Context, message string)
	PopFlash(ctx context.Context) []string
}

// Deps is what the pages call. All are needed but the last three.
type Deps struct {
	Desk          *accounts.Desk // signs in and out, and changes accounts
	Accounts      *accounts.Service
	Posts         *posts.Service
	Comments      Comments
	Moderation    *moderation.Service
	Feed          *feed.Service
	Notifications *notifications.Service
	Flashes       Flashes
	Logger        *slog.Logger

	PublicURL func() string    // what addresses in the Atom feed begin with; nil: as the request came
	Version   string           // of this build, shown at the foot of each page; may be empty
	Now       func() time.Time // nil means time.Now
}

// Pages answers people. It is safe for concurrent use.
type Pages struct {
	Deps
	assets    *assets
	templates *templates
	preview   *posts.Renderer
}

// New parses all templates, so that a broken one stops the start and not a reader.
func New(d Deps) (*Pages, error) {
	if d.Now == nil {
		d.Now = time.Now
	}
	assets, err := loadAssets()
	if err != nil {
		return nil, fmt.Errorf("load static files: %w", err)
	}
	templates, err := parseTemplates(assets)
	if err != nil {
		return nil, fmt.Errorf("parse templates: %w", err)
	}
	return &Pages{Deps: d, assets: assets, templates: templates, preview: posts.NewRenderer()}, nil
}
