package remotecomments

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/call"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/problem"
)

// Config says where the comments service is, and how long it is waited for.
type Config struct {
	// URLs are the base URLs of its replicas, or of what balances between them.
	URLs []string
	// Keys sign who is asking.
	Keys identity.Keys
	// Host is this host's name, where it asks for itself.
	Host string
	// Reading bounds what a page waits for; 0 means 1 s. Writing bounds a write; 0 means
	// 3 s.
	Reading, Writing time.Duration
	// Registerer takes the figures of the calls, and Logger what happens to the
	// breakers; both may be nil.
	Registerer prometheus.Registerer
	Logger     *slog.Logger
	// Now is the time; nil means time.Now.
	Now func() time.Time
}

// Comments asks the comments service. It is safe for concurrent use.
type Comments struct {
	cfg    Config
	reads  *call.Client
	writes *call.Client
}

// New returns the client; it dials nothing. Close it in the end.
func New(cfg Config) (*Comments, error) {
	cfg.Reading, cfg.Writing = cmp.Or(cfg.Reading, time.Second), cmp.Or(cfg.Writing, 3*time.Second)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Comments{cfg: cfg}
	var err error
	for _, of := range []struct {
		client *(*call.Client)
		name   string
		within time.Duration
	}{{&c.reads, "comments", cfg.Reading}, {&c.writes, "comments-writes", cfg.Writing}} {
		*of.client, err = call.New(call.Config{Name: of.name, URLs: cfg.URLs, Timeout: of.within, Registerer: cfg.Registerer, Logger: cfg.Logger})
		if err != nil {
			return nil, fmt.Errorf("reach the comments service: %w", err)
		}
	}
	return c, nil
}

// Close closes the connections that are kept.
func (c *Comments) Close() {
	c.reads.Close()
	c.writes.Close()
}

// life is how long a signed identity counts: longer than a call, and than clocks of
// two hosts differ.
const life = 30 * time.Second

// as is the header that proves who is asking; a visitor proves nothing.
func (c *Comments) as(v contracts.Viewer) (http.Header, error) {
	if !v.SignedIn() {
		return http.Header{}, nil
	}
	return c.signed(identity.Identity{ID: v.ID, Name: v.Name, Role: string(v.Role)})
}

// asHost is the header by which this host asks for itself.
func (c *Comments) asHost() (http.Header, error) { return c.signed(identity.Service(c.cfg.Host)) }

func (c *Comments) signed(who identity.Identity) (http.Header, error) {
	token, err := c.cfg.Keys.Sign(who, c.cfg.Now(), life)
	if err != nil {
		return nil, fmt.Errorf("say who asks for comments: %w", err)
	}
	return http.Header{identity.Header: {token}}, nil
}

// keyed adds an idempotency key: a write that has one may be sent again.
func keyed(header http.Header, key contracts.Key) http.Header {
	if key.Given() {
		header.Set(httpkit.HeaderIdempotencyKey, key.Value)
	}
	return header
}

// madeFrom adds the version that a change was made from.
func madeFrom(header http.Header, version int) http.Header {
	header.Set("If-Match", strconv.Quote(strconv.Itoa(version)))
	return header
}

// explained makes a problem of a service that does not answer. The cause is kept for
// the log.
func explained(err error) error {
	if call.IsUnavailable(err) {
		return fmt.Errorf("%w: %w", problem.New(httpkit.Unavailable, "the comments can't be reached at this moment: try again"), err)
	}
	return err
}
