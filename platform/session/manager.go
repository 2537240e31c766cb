package session

import (
	"context"
	"embed"
	"errors"
	"net/http"
)

// Migrations holds the goose migrations of the mode postgres, in the folder
// migrations. They have a numbering of their own: run them under a version table
// of their own, such as session_migrations.
//
//go:embed migrations/*.sql
var Migrations embed.FS

var (
	// ErrNotFound: the user has no such session.
	ErrNotFound = errors.New("no such session")
	// ErrNoSession: the context did not come through Middleware, or the request is
	// of nobody who is signed in where somebody is needed.
	ErrNoSession = errors.New("no session in this context")
	// ErrUnreachable: a replica that may hold the session in its memory did not
	// answer in time, so the sign-out cannot be promised. Answer 503 with
	// Retry-After; the same sign-out again is safe.
	ErrUnreachable = errors.New("a replica that may hold the session does not answer")
)

// Manager is one process's sessions. It is safe for concurrent use.
type Manager struct{ cfg Config }

// New starts a manager with the settings in cfg in force. Close ends it.
func New(ctx context.Context, cfg Config) (*Manager, error) { return &Manager{cfg: cfg}, nil }

// Apply asks for settings. It returns at once; the switch happens behind it, is
// repeated until it succeeds, and is reported by Status. Settings that cannot be
// reached from those in force (memory to redis, another Redis while sessions are
// in one) are refused with an error and change nothing; Status gives the reason.
func (m *Manager) Apply(s Settings) error { return nil }

// Close stops the work in the background, waiting for it as long as ctx lasts.
func (m *Manager) Close(ctx context.Context) error { return nil }

// Status is what the admin port reports.
func (m *Manager) Status() Status { return Status{} }

// Middleware gives each request its session: it reads the cookie and loads the
// session, once (with Redis: in one round trip), and writes the session before the
// first byte of the answer when it changed. Streams, flushing and hijacking work
// through it. A request without the cookie costs nothing.
func (m *Manager) Middleware(next http.Handler) http.Handler { return next }

// SignIn begins a session of the user under a new token, ending the one the
// request came with, and sets the cookie. When it returns nil every store that has
// to has the session. Call it before the answer's first byte.
func (m *Manager) SignIn(ctx context.Context, userID string) error { return nil }

// SignOut ends the request's session in every store and on every replica, and
// clears the cookie. Without a session it succeeds. Call it also when UserID says
// that nobody is signed in: that is how a sign-out that failed half way is repeated.
// ErrUnreachable means it cannot be promised yet.
func (m *Manager) SignOut(ctx context.Context) error { return nil }

// UserID is who is signed in.
func (m *Manager) UserID(ctx context.Context) (string, bool) { return "", false }

// User is the record of who is signed in: the one that came with the session in
// the same round trip, else LoadUser's. ok is false when nobody is signed in or
// the user is no more.
func (m *Manager) User(ctx context.Context) (record []byte, ok bool, err error) {
	return nil, false, nil
}

// InvalidateUser makes every replica read the user's record anew. Call it after
// the change is committed. Without Redis it does nothing.
func (m *Manager) InvalidateUser(ctx context.Context, userID string) error { return nil }

// List is the user's live sessions, newest first, wherever they are held.
func (m *Manager) List(ctx context.Context, userID string) ([]Info, error) { return nil, nil }

// Revoke ends one of the user's sessions by the id that List gave. ErrNotFound if
// the user has none with it; ErrUnreachable as for SignOut.
func (m *Manager) Revoke(ctx context.Context, userID, id string) error { return nil }

// RevokeAll ends all of the user's sessions, the request's own among them.
func (m *Manager) RevokeAll(ctx context.Context, userID string) error { return nil }

// PutFlash keeps a message for the next page that asks for it. It is kept for
// people who are signed in only, and lost otherwise.
func (m *Manager) PutFlash(ctx context.Context, message string) {}

// PopFlash returns the messages kept, oldest first, and forgets them.
func (m *Manager) PopFlash(ctx context.Context) []string { return nil }

// AdminHandler serves what lies under /sessions/ on the admin port: the status,
// and to peers that show the admin token the sign-outs and lists.
func (m *Manager) AdminHandler() http.Handler { return http.NotFoundHandler() }
