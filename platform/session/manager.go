package session

import (
	"cmp"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"

	"banyan.dev/platform/session/store"
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
	// ErrNoSession: the context did not come through Middleware.
	ErrNoSession = errors.New("the request did not pass the session middleware")
	// ErrUnreachable: a replica that may hold the session in its memory did not
	// answer in time, so the sign-out cannot be promised. Answer 503 with
	// Retry-After; the same sign-out again is safe.
	ErrUnreachable = errors.New("a replica that may hold the session does not answer")
)

const (
	defaultIdle     = 7 * 24 * time.Hour
	defaultAbsolute = 30 * 24 * time.Hour
	sweepEvery      = time.Minute
	// operationBound ends whatever a request began here and left behind, so that a
	// switch never waits for longer.
	operationBound = 10 * time.Second
)

// Manager is one process's sessions. It is safe for concurrent use.
type Manager struct {
	cfg     Config
	limits  store.Limits
	scs     *scs.SessionManager
	gate    gate
	memory  *store.Memory
	peers   *peers
	metrics *metrics

	mu        sync.Mutex
	wanted    Settings   // the last that were accepted
	queue     []Settings // accepted, not yet begun
	highest   int        // generation used by this process so far
	doing     string     // what the switch waits for
	refused   string     // why the last settings were refused
	wake      chan struct{}
	stop      context.CancelFunc
	goroutine sync.WaitGroup
}

// New starts a manager with the settings in cfg in force. Close ends it. ctx lends
// its values only: a manager outlives the signal that asks its host to drain.
func New(ctx context.Context, cfg Config) (*Manager, error) {
	m, err := newManager(cfg)
	if err != nil {
		return nil, err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	m.stop = stop
	m.goroutine.Go(func() { m.work(background) })
	m.goroutine.Go(func() { m.sweep(background) })
	return m, nil
}

// newManager makes a manager that does not switch by itself: the protocol's tests
// take its steps one by one.
func newManager(cfg Config) (*Manager, error) {
	cfg.Settings.Mode = cmp.Or(cfg.Settings.Mode, Memory)
	cfg.Settings.Generation = cmp.Or(cfg.Settings.Generation, 1)
	cfg.IdleTimeout = cmp.Or(cfg.IdleTimeout, defaultIdle)
	cfg.AbsoluteTimeout = cmp.Or(cfg.AbsoluteTimeout, defaultAbsolute)
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}
	m := &Manager{
		cfg:    cfg,
		limits: store.Limits{Idle: cfg.IdleTimeout, Absolute: cfg.AbsoluteTimeout, Now: cfg.Clock},
		wanted: cfg.Settings,
		wake:   make(chan struct{}, 1),
		stop:   func() {},
	}
	m.memory = store.NewMemory(m.limits)
	m.scs = newSCS(cfg, m)
	m.peers = newPeers(cfg.AdminToken, rand.Text())
	m.peers.set(cfg.Settings.Peers)
	m.metrics = newMetrics(m)
	if err := m.metrics.register(cfg.Registerer); err != nil {
		return nil, err
	}
	first, err := m.newView(cfg.Settings, nil)
	if err != nil {
		return nil, err
	}
	first.ready.Store(true) // nothing came before
	first.settled.Store(!cfg.Settings.Mode.UsesRedis())
	m.gate.swap(first)
	if cfg.Settings.Mode.UsesRedis() {
		m.highest = cfg.Settings.Generation
	}
	return m, nil
}

func (c Config) check() error {
	if err := c.Settings.sound(); err != nil {
		return err
	}
	if c.Settings.Mode == Postgres && c.PostgresPool == nil {
		return errors.New(`session.store "postgres" needs a database, and this host gave none`)
	}
	if len(c.Settings.Peers) > 0 && c.AdminToken == "" {
		return errors.New("session.peers are set but ADMIN_TOKEN is empty: set it to the same secret for all replicas")
	}
	if c.IdleTimeout <= 0 || c.AbsoluteTimeout < c.IdleTimeout {
		return fmt.Errorf("sessions may idle %s and live %s: idle must be above 0 and not above the absolute time",
			c.IdleTimeout, c.AbsoluteTimeout)
	}
	return nil
}

// newView builds the stores that s means. It uses the client of the view before if
// the address is the same.
func (m *Manager) newView(s Settings, before *view) (*view, error) {
	v := &view{settings: s, drained: make(chan struct{})}
	if s.RedisURL != "" {
		if before != nil && before.client != nil && before.settings.RedisURL == s.RedisURL {
			v.client = before.client
		} else {
			client, err := store.NewClient(s.RedisURL)
			if err != nil {
				return nil, err
			}
			v.client = client
		}
		v.remote = store.NewRedis(v.client, s.Generation, m.limits, s.UserCache)
		if s.UserCache {
			v.users = store.NewUsers(v.client, s.Generation, m.cfg.Clock)
		}
	}
	v.store = m.newStore(v)
	return v, nil
}

func (m *Manager) newStore(v *view) store.Store {
	switch {
	case v.mode() == Postgres:
		return store.NewPostgres(m.cfg.PostgresPool, m.limits)
	case v.mode() == Redis:
		return v.remote
	case v.mode().both():
		return &store.Both{
			Memory:   m.memory,
			Redis:    v.remote,
			Fill:     func() bool { return v.mode() == Dual && v.ready.Load() },
			Complete: v.settled.Load,
			Mismatch: m.mismatch,
		}
	default:
		return m.memory
	}
}

// mismatch counts and logs; the record's hash and data stay out of the log.
func (m *Manager) mismatch(ctx context.Context, kind string, r store.Record) {
	m.metrics.mismatch(kind)
	m.cfg.Logger.WarnContext(ctx, "session stores differ", "kind", kind, "session", publicID(r.Hash), "user", r.UserID)
}

// sweep removes what has expired, in stores that do not do it themselves.
func (m *Manager) sweep(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := m.gate.peek().store.Sweep(ctx); err != nil && ctx.Err() == nil {
			m.cfg.Logger.WarnContext(ctx, "sweeping expired sessions failed; the next sweep takes them", "error", err)
		}
	}
}

// Close stops the work in the background, waiting for it as long as ctx lasts, and
// closes the connections to Redis. Call it when no request is under way any more.
func (m *Manager) Close(ctx context.Context) error {
	m.stop()
	done := make(chan struct{})
	go func() { m.goroutine.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		return fmt.Errorf("stop the session store: %w", ctx.Err())
	}
	m.peers.close()
	m.metrics.unregister(m.cfg.Registerer)
	if client := m.gate.peek().client; client != nil {
		if err := client.Close(); err != nil {
			return fmt.Errorf("close Redis: %w", err)
		}
	}
	return nil
}

// bounded is a context for work that must come to its end although the client
// went away: half a sign-out is worse than one nobody waits for.
func bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), operationBound)
}

// clientAddress is the default of Config.ClientAddress.
func (m *Manager) clientAddress(r *http.Request) string {
	if m.cfg.ClientAddress != nil {
		return m.cfg.ClientAddress(r)
	}
	return hostOf(r.RemoteAddr)
}
