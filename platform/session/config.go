package session

import (
	"context"
	"database/sql"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config is what a Manager needs from its host. Only Settings has to be set for
// sessions in memory; each other field says when it is needed.
type Config struct {
	// Replica names this process in the status and in logs, e.g. monolith-0.
	Replica string
	// Secure marks the cookie Secure and names it __Host-banyan_session. Off only
	// for plain HTTP during development; the cookie is then banyan_session.
	Secure bool
	// IdleTimeout ends a session that was not used for so long. 0 means 7 days.
	IdleTimeout time.Duration
	// AbsoluteTimeout ends every session, however busy. 0 means 30 days.
	AbsoluteTimeout time.Duration
	// PostgresPool is needed for the mode postgres only. The table comes from
	// Migrations. The pool stays the host's: Close leaves it open.
	PostgresPool *sql.DB
	// Settings are in force when New returns; later ones come through Apply.
	Settings Settings
	// AdminToken guards the peers' endpoints of AdminHandler and is sent to peers.
	// Empty refuses every such call, so it is needed once Settings.Peers is set.
	AdminToken string
	// Clock is the time; nil means time.Now. Tests steer it.
	Clock func() time.Time
	// Logger; nil means slog.Default().
	Logger *slog.Logger
	// Registerer receives the metrics; nil means none.
	Registerer prometheus.Registerer
	// LoadUser reads a user's record where Redis has none or does not cache. A nil
	// record without error means: no such user. Needed for Manager.User only.
	LoadUser func(ctx context.Context, userID string) ([]byte, error)
	// ClientAddress tells who asks, as shown in the list of one's sessions. nil
	// means the connection's address, which behind a gateway is the gateway's.
	ClientAddress func(*http.Request) string
	// OnError answers a request whose session could not be read because the store
	// failed. nil answers a plain 503. The error is logged in either case.
	OnError func(http.ResponseWriter, *http.Request, error)
}

// Info is one session as its owner may see it.
type Info struct {
	// ID names the session for Revoke. It is derived from the token's hash and
	// leads back to neither.
	ID string `json:"id"`
	// Current marks the session of the request that asks.
	Current   bool      `json:"current"`
	CreatedAt time.Time `json:"created_at"`
	// LastSeen is exact to a minute: not every request writes it.
	LastSeen  time.Time `json:"last_seen_at"`
	Expires   time.Time `json:"expires_at"`
	UserAgent string    `json:"user_agent"`
	Address   string    `json:"address"`
}

// Status is what GET /sessions/status reports, and what the tool waits for.
type Status struct {
	Replica    string `json:"replica"`
	Revision   int64  `json:"revision"`
	Store      Mode   `json:"store"`
	Generation int    `json:"generation"`
	// Settled: the mode in force is the one asked for, all that began in the mode
	// before has ended, and what there was to copy, load or empty is done.
	Settled bool `json:"settled"`
	// Sessions held in this process's own memory.
	Sessions int `json:"sessions"`
	// Mismatches between memory and Redis since the process began.
	Mismatches int64 `json:"mismatches"`
	// Reason says what Settled waits for, or why the last settings were refused.
	Reason string `json:"reason"`
}
