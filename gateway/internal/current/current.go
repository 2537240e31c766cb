// Package current holds the configuration that is in force, and changes it as a
// whole or not at all. A request takes one snapshot at its beginning and keeps it.
//
// What a configuration must satisfy to be taken over, beyond being valid: its
// revision is above the running one, and it leaves held routes' requests behind their
// gates. No resource goes back to an earlier epoch. So a stale file or a late call of the admin API changes nothing. Whether a
// revision is the same text at two gateways tells its digest.
// The first configuration may have any revision. A file without a revision counts
// as one above the running.
//
// The watched file and the admin API put configurations in; the data plane and the
// control plane read the snapshot. The package opens no file and no port.
package current

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/hold"
	"banyan.dev/gateway/internal/metrics"
	"banyan.dev/gateway/internal/policy"
	"banyan.dev/gateway/internal/resilience"
	"banyan.dev/gateway/internal/shadow"
	"banyan.dev/gateway/internal/upstream"
	"banyan.dev/gateway/internal/who"
)

// Lasting is what outlives configurations: replicas and their health, gates, open
// breakers, the figures of shadows and of routes.
type Lasting struct {
	Owners  *upstream.Registry
	Metrics *metrics.Set
	Holds   *hold.Gates
	Guards  *resilience.Guards
	Limits  *resilience.Limiters
	// Override is the key of testers' tokens; empty lets none count.
	Override []byte
	// Proxies are believed where a configuration names no trusted proxies: which
	// balancer stands in front is the deployment's matter, and not the routes'.
	Proxies []netip.Prefix
	// Who finds out who asks; nil, no configuration may want to know.
	Who     *who.Finder
	Shadows *shadow.Engine
}

// Snapshot is a configuration in force.
type Snapshot struct {
	Table    *policy.Table
	Routes   []Route             // by policy.Route.Index
	Clients  *resilience.Limiter // over all routes; nil is no limit
	Who      *who.Asker          // nil when nobody is asked who asks
	Revision int64
	// Digest names the text: gateways with one revision have the same in force if
	// they have the same digest.
	Digest string
	Source string // file or api
	Since  time.Time

	replaced chan struct{}
}

// Replaced is closed when another configuration has come in force.
func (s *Snapshot) Replaced() <-chan struct{} { return s.replaced }

// Route is what a route uses that outlives configurations.
type Route struct {
	// Baseline counts the requests that the route's owner answers, Canary those of
	// the other one; nil without a canary.
	Baseline, Canary *metrics.Meter
	// Refusals counts what the gateway answered before an owner was chosen.
	Refusals   *metrics.Meter
	Overridden prometheus.Counter // requests that a tester's token decided
	// Misdirected counts the requests that an owner has sent to another one.
	Misdirected *metrics.Misdirected
	Gate        *hold.Gate
	Limiter     *resilience.Limiter // nil is no limit
	Shadow      *shadow.Route       // nil without a shadow
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
	// ErrNoRoute: no route in force has the name.
	ErrNoRoute = errors.New("is no route")
	// ErrOutrun: the text takes a resource back to who had it before, or gives it to
	// another owner within its epoch.
	ErrOutrun = errors.New("a resource is further on")
	// ErrNoKey: the text wants who asks to be signed, and there is no key.
	ErrNoKey = errors.New("no key signs who asks")
	// ErrHeld: a route is held, and the text would let its requests past the hold.
	ErrHeld = errors.New("a route is held")
)

// Current is the configuration in force. It is safe for concurrent use.
type Current struct {
	lasting Lasting
	logger  *slog.Logger
	now     func() time.Time

	snapshot atomic.Pointer[Snapshot]
	refusal  atomic.Pointer[Refusal]
	file     atomic.Pointer[string] // the digest of what the file said last

	mu      sync.Mutex // one change at a time
	history []Change   // the newest last
}

// New returns a holder with nothing in force: Snapshot is nil until the first
// Apply succeeds.
func New(lasting Lasting, logger *slog.Logger) *Current {
	return &Current{lasting: lasting, logger: logger, now: time.Now}
}

// Snapshot returns what is in force.
func (c *Current) Snapshot() *Snapshot { return c.snapshot.Load() }

// Holds are the gates of all routes, by name.
func (c *Current) Holds() *hold.Gates { return c.lasting.Holds }

// FileDiffers tells whether the file says something else than what is in force: it
// was refused, or the admin API was faster. A restart would take the file.
func (c *Current) FileDiffers() bool {
	file, running := c.file.Load(), c.Snapshot()
	return file != nil && running != nil && *file != running.Digest
}

// digest is the beginning of the text's SHA-256: enough to tell mistakes, and short
// enough to be read out.
func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// Refused returns the last configuration that was refused, or nil.
func (c *Current) Refused() *Refusal { return c.refusal.Load() }

// Any is the seen revision of a caller who doesn't mind which one is in force.
const Any int64 = -1

// Apply checks the text and puts it in force. The same text again, with the
// running revision, changes nothing and is no error, whatever seen is: a caller
// whose answer was lost may repeat its call. Otherwise seen must be the running
// revision or Any. A refused text leaves all as it was.
func (c *Current) Apply(source, name string, text []byte, seen int64) error {
	_, err := c.Replace(source, name, text, seen)
	return err
}

// Replace is Apply for a caller who must know what its own text became: somebody
// else's may be in force before it can look.
func (c *Current) Replace(source, name string, text []byte, seen int64) (*Snapshot, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.apply(source, name, text, seen)
	if source == "file" {
		said := digest(text)
		c.file.Store(&said)
	}
	if err != nil {
		c.refusal.Store(&Refusal{At: c.now(), Source: source, Reason: err.Error()})
		c.note(Change{At: c.now(), Source: source, Refused: err.Error()})
		c.lasting.Metrics.Reloads.WithLabelValues("refused").Inc()
		c.logger.Warn("configuration refused; the running one stays", "source", source, "reason", err.Error())
		return nil, err
	}
	return c.snapshot.Load(), nil
}

func (c *Current) apply(source, name string, text []byte, seen int64) error {
	parsed, err := config.Parse(name, text)
	if err != nil {
		return err
	}
	if len(parsed.Clients.TrustedProxies) == 0 {
		parsed.Clients.TrustedProxies = c.lasting.Proxies
	}
	if parsed.Identity != nil && c.lasting.Who == nil {
		return fmt.Errorf("%w: %s: identity: set IDENTITY_KEY in the gateway's environment, or take it out", ErrNoKey, name)
	}
	running := c.snapshot.Load()
	if running != nil {
		if bytes.Equal(text, running.Table.Config.Source) {
			return nil
		}
		if source == "file" && saysTheSame(parsed, running.Table.Config) {
			c.swap(parsed, running.Revision, source, running)
			return nil
		}
		if seen != Any && seen != running.Revision {
			return fmt.Errorf("%w: %d, not %d; read it and try again", ErrMismatch, running.Revision, seen)
		}
		if parsed.Revision != 0 && parsed.Revision <= running.Revision {
			return fmt.Errorf("%w: %s: revision: %d is not above the running %d; raise it to %d, or leave it out where there is one gateway", ErrStale, name, parsed.Revision, running.Revision, running.Revision+1)
		}
		if err := keepsEpochs(running.Table.Config, parsed); err != nil {
			return err
		}
		if err := c.keepsHeld(running.Table, parsed); err != nil {
			return err
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
	table := policy.New(parsed)
	table.Open(c.lasting.Owners, c.lasting.Guards, c.lasting.Override)
	next := &Snapshot{Table: table, Revision: revision, Digest: digest(parsed.Source), Source: source, Since: c.now(), replaced: make(chan struct{})}
	if by := parsed.Identity; by != nil {
		next.Who = c.lasting.Who.Asker(*by, table)
	}
	next.Clients = c.limiter(everyRoute, parsed.Clients.RateLimit)
	for _, r := range table.Routes {
		next.Routes = append(next.Routes, c.route(r, next.Who))
	}
	c.snapshot.Store(next)
	c.lasting.Shadows.Retain(names(table))
	c.lasting.Metrics.Revision.Set(float64(revision))
	c.lasting.Metrics.Reloads.WithLabelValues("accepted").Inc()
	c.note(change(next, running))
	c.logger.Info("configuration in force", "revision", revision, "source", source, "routes", len(table.Routes), "owners", len(table.Owners))
	if running != nil {
		c.close(running)
		close(running.replaced)
	}
}

// everyRoute is the name of the limiter that counts over all routes: no route has it.
const everyRoute = ""

func (c *Current) limiter(route string, limit *config.RateLimit) *resilience.Limiter {
	if limit == nil {
		return nil
	}
	return c.lasting.Limits.Open(route, *limit)
}

// close gives up what a configuration used.
func (c *Current) close(s *Snapshot) {
	s.Table.Close()
	if s.Clients != nil {
		c.lasting.Limits.Close(everyRoute, s.Clients)
	}
	for i, r := range s.Routes {
		if r.Limiter != nil {
			c.lasting.Limits.Close(s.Table.Routes[i].Name, r.Limiter)
		}
	}
}

func names(t *policy.Table) []string {
	all := make([]string, len(t.Routes))
	for i, r := range t.Routes {
		all[i] = r.Name
	}
	return all
}

func (c *Current) route(r *policy.Route, asker *who.Asker) Route {
	out := Route{
		Baseline: c.lasting.Metrics.Meter(r.Name, r.Owner.Name),
		Refusals: c.lasting.Metrics.Meter(r.Name, config.NameOfGateway), Overridden: c.lasting.Metrics.Overridden.WithLabelValues(r.Name),
		Misdirected: c.lasting.Metrics.Misdirected(r.Name),
		Gate:        c.lasting.Holds.Gate(r.Name),
		Limiter:     c.limiter(r.Name, r.RateLimit),
	}
	if r.Canary != nil {
		out.Canary = c.lasting.Metrics.Meter(r.Name, r.Canary.Owner.Name)
	}
	if r.Shadow != nil {
		out.Shadow = c.lasting.Shadows.Open(r.Name, *r.Shadow, r.ShadowOwner, r.Owner)
		if r.Shadow.Pass.Identity && asker != nil {
			out.Shadow.ToldBy(asker)
		}
	}
	return out
}

// Meter counts for the side that answers.
func (r *Route) Meter(side policy.Side) *metrics.Meter {
	if side.Canary {
		return r.Canary
	}
	return r.Baseline
}

// Close gives up the replicas of what is in force.
func (c *Current) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s := c.snapshot.Load(); s != nil {
		c.close(s)
	}
}
