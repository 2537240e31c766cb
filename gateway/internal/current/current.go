// Package current holds the configuration that is in force, and changes it as a
// whole or not at all. A request takes one snapshot at its beginning and keeps it.
//
// What a configuration must satisfy to be taken over, beyond being valid: its
// revision is above the running one. So a stale file or a late call of the admin
// API changes nothing, and a revision names the same content at every gateway.
// The first configuration may have any revision. A file without a revision counts
// as one above the running.
//
// The watched file and the admin API put configurations in; the data plane and the
// control plane read the snapshot. The package opens no file and no port.
package current

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/metrics"
	"banyan.dev/gateway/internal/policy"
	"banyan.dev/gateway/internal/upstream"
)

// Snapshot is a configuration in force.
type Snapshot struct {
	Table    *policy.Table
	Meters   []*metrics.Meter // by Route.Index
	Revision int64
	Source   string // file or api
	Since    time.Time
}

// Refusal is a configuration that was not taken over.
type Refusal struct {
	At     time.Time
	Source string
	Reason string
}

// Errors of Apply beside config.Errors.
var (
	// ErrStale: the revision isn't above the running one.
	ErrStale = errors.New("stale revision")
	// ErrMismatch: another configuration is in force than the caller had seen.
	ErrMismatch = errors.New("another revision is in force")
)

// Current is the configuration in force. It is safe for concurrent use.
type Current struct {
	registry *upstream.Registry
	metrics  *metrics.Set
	logger   *slog.Logger
	now      func() time.Time

	snapshot atomic.Pointer[Snapshot]
	refusal  atomic.Pointer[Refusal]

	mu sync.Mutex // one change at a time
}

// New returns a holder with nothing in force: Snapshot is nil until the first
// Apply succeeds.
func New(registry *upstream.Registry, set *metrics.Set, logger *slog.Logger) *Current {
	return &Current{registry: registry, metrics: set, logger: logger, now: time.Now}
}

// Snapshot returns what is in force.
func (c *Current) Snapshot() *Snapshot { return c.snapshot.Load() }

// Refused returns the last configuration that was refused, or nil.
func (c *Current) Refused() *Refusal { return c.refusal.Load() }

// Any is the seen revision of a caller who doesn't mind which one is in force.
const Any int64 = -1

// Apply checks the text and puts it in force. The same text again, with the
// running revision, changes nothing and is no error, whatever seen is: a caller
// whose answer was lost may repeat its call. Otherwise seen must be the running
// revision or Any. A refused text leaves all as it was.
func (c *Current) Apply(source, name string, text []byte, seen int64) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.apply(source, name, text, seen)
	if err != nil {
		c.refusal.Store(&Refusal{At: c.now(), Source: source, Reason: err.Error()})
		c.metrics.Reloads.WithLabelValues("refused").Inc()
		c.logger.Warn("configuration refused; the running one stays", "source", source, "reason", err.Error())
		return err
	}
	return nil
}

func (c *Current) apply(source, name string, text []byte, seen int64) error {
	parsed, err := config.Parse(name, text)
	if err != nil {
		return err
	}
	running := c.snapshot.Load()
	if running != nil {
		if bytes.Equal(text, running.Table.Config.Source) {
			return nil
		}
		if seen != Any && seen != running.Revision {
			return fmt.Errorf("%w: %d, not %d; read it and try again", ErrMismatch, running.Revision, seen)
		}
		if parsed.Revision != 0 && parsed.Revision <= running.Revision {
			return fmt.Errorf("%w: %s: revision: %d is not above the running %d; raise it", ErrStale, name, parsed.Revision, running.Revision)
		}
	}
	revision := parsed.Revision
	if revision == 0 && running != nil {
		revision = running.Revision + 1
	}
	c.swap(parsed, revision, source, running)
	return nil
}

// swap opens the new before it closes the old, so that replicas in both stay.
func (c *Current) swap(parsed *config.Config, revision int64, source string, running *Snapshot) {
	next := &Snapshot{Table: policy.New(parsed, c.registry), Revision: revision, Source: source, Since: c.now()}
	for _, r := range next.Table.Routes {
		next.Meters = append(next.Meters, c.metrics.Meter(RouteName(r), r.Owner.Name))
	}
	c.snapshot.Store(next)
	c.metrics.Revision.Set(float64(revision))
	c.metrics.Reloads.WithLabelValues("accepted").Inc()
	c.logger.Info("configuration in force", "revision", revision, "source", source, "routes", len(next.Table.Routes), "owners", len(next.Table.Owners))
	if running != nil {
		running.Table.Close()
	}
}

// Close gives up the replicas of what is in force.
func (c *Current) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.snapshot.Load(); s != nil {
		s.Table.Close()
	}
}

// RouteName is a route as metrics and the page name it: "GET,HEAD /a/*".
func RouteName(r *policy.Route) string {
	if len(r.Methods) == 0 {
		return r.Pattern
	}
	return strings.Join(r.Methods, ",") + " " + r.Pattern
}
