package upstream

import (
	"context"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/config"
)

// resolveEvery is how often an address is looked up: a new pod of a headless
// Service gets its share within this time.
const resolveEvery = 2 * time.Second

// Resolver looks a host up; net.DefaultResolver is one.
type Resolver interface {
	LookupHost(ctx context.Context, host string) ([]string, error)
}

// Registry holds the replicas that any configuration in use names. A replica that
// the next one names too is the same one: its connections and its health stay.
// It is safe for concurrent use.
type Registry struct {
	resolver Resolver
	logger   *slog.Logger
	ctx      context.Context // ends all probing and resolving
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu       sync.Mutex
	entries  map[string]*entry
	resolved map[string][]string // address to what it last meant
	turn     uint64              // of the newest group

	ejecting sync.Mutex // one replica at a time is ejected
}

type entry struct {
	replica *Replica
	users   int
	turn    uint64 // of the group whose settings count
	stop    context.CancelFunc
}

// NewRegistry returns an empty registry. Close it to end what it started.
func NewRegistry(resolver Resolver, logger *slog.Logger) *Registry {
	ctx, cancel := context.WithCancel(context.Background())
	return &Registry{
		resolver: resolver, logger: logger, ctx: ctx, cancel: cancel,
		entries: map[string]*entry{}, resolved: map[string][]string{},
	}
}

// Close ends probing and resolving, and closes idle connections.
func (g *Registry) Close() {
	g.cancel()
	g.running.Wait()
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, e := range g.entries {
		e.stop()
		e.replica.pool.retire()
	}
}

// Group is the replicas of one owner in one configuration. The list may change
// while it is used, when the owner is an address.
type Group struct {
	registry *Registry
	owner    config.Owner
	turn     uint64 // when it was opened, among all
	replicas atomic.Pointer[[]*Replica]
	stop     context.CancelFunc
	stopped  chan struct{}
}

// Open returns the owner's replicas and keeps them probed until Close. An address
// that was not known before is looked up first, for at most a second.
func (g *Registry) Open(owner config.Owner) *Group {
	group := &Group{registry: g, owner: owner, stop: func() {}}
	g.mu.Lock()
	g.turn++
	group.turn = g.turn
	g.mu.Unlock()
	if owner.Address == nil {
		group.set(owner.Replicas)
		return group
	}
	group.set(group.known())
	ctx, cancel := context.WithCancel(g.ctx)
	group.stop, group.stopped = cancel, make(chan struct{})
	g.running.Go(func() {
		defer close(group.stopped)
		group.follow(ctx)
	})
	return group
}

// Replicas is the list as it stands. It must not be changed.
func (g *Group) Replicas() []*Replica { return *g.replicas.Load() }

// Close gives the replicas up. Requests that still use them may go on.
func (g *Group) Close() {
	g.stop()
	if g.stopped != nil {
		<-g.stopped
	}
	for _, r := range g.Replicas() {
		g.registry.release(r)
	}
}

// set takes the new list before it gives up the old one, so that a replica in
// both is kept.
func (g *Group) set(list []config.Replica) {
	old := g.replicas.Load()
	replicas := make([]*Replica, len(list))
	for i, p := range list {
		replicas[i] = g.registry.take(g, p)
	}
	g.replicas.Store(&replicas)
	if old == nil {
		return
	}
	for _, r := range *old {
		g.registry.release(r)
	}
}

// known is what the address meant when it was last looked up, or means now.
func (g *Group) known() []config.Replica {
	g.registry.mu.Lock()
	hosts, ok := g.registry.resolved[g.owner.Address.Host]
	g.registry.mu.Unlock()
	if ok {
		return g.list(hosts)
	}
	ctx, cancel := context.WithTimeout(g.registry.ctx, time.Second)
	defer cancel()
	hosts, err := g.lookUp(ctx)
	if err != nil {
		g.registry.logger.WarnContext(ctx, "owner can't be looked up yet", "owner", g.owner.Name, "address", g.owner.Address.String(), "error", err)
	}
	return g.list(hosts)
}

func (g *Group) follow(ctx context.Context) {
	tick := time.NewTicker(resolveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		hosts, err := g.lookUp(ctx)
		if err != nil {
			// A name server that is away must not take the owner away.
			g.registry.logger.DebugContext(ctx, "owner can't be looked up; its last replicas stay", "owner", g.owner.Name, "error", err)
			continue
		}
		if list := g.list(hosts); !g.same(list) {
			g.set(list)
		}
	}
}

func (g *Group) lookUp(ctx context.Context) ([]string, error) {
	hosts, err := g.registry.resolver.LookupHost(ctx, g.owner.Address.Hostname())
	if err != nil {
		return nil, err
	}
	hosts = slices.Clone(hosts)
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	g.registry.mu.Lock()
	g.registry.resolved[g.owner.Address.Host] = hosts
	g.registry.mu.Unlock()
	return hosts, nil
}

// list names each host by its address and port.
func (g *Group) list(hosts []string) []config.Replica {
	list := make([]config.Replica, len(hosts))
	for i, host := range hosts {
		at := net.JoinHostPort(host, g.owner.Address.Port())
		list[i] = config.Replica{Name: at, URL: &url.URL{Scheme: "http", Host: at}}
	}
	return list
}

func (g *Group) same(list []config.Replica) bool {
	return slices.EqualFunc(g.Replicas(), list, func(r *Replica, p config.Replica) bool { return r.Name == p.Name })
}

// take finds a replica, or begins to know it. The settings of the newest group count:
// for a moment the one before goes on beside it, and may look its address up once more.
func (g *Registry) take(group *Group, p config.Replica) *Replica {
	g.mu.Lock()
	defer g.mu.Unlock()
	owner := &group.owner
	key := owner.Name + " " + p.Name + " " + p.URL.Host
	e := g.entries[key]
	if e == nil {
		e = &entry{replica: newReplica(owner.Name, p.Name, p.URL)}
		e.replica.health.Store(&owner.Health)
		ctx, cancel := context.WithCancel(g.ctx)
		e.stop = cancel
		g.entries[key] = e
		g.running.Go(func() { newProber(e.replica).run(ctx) })
	}
	if group.turn >= e.turn {
		e.turn = group.turn
		e.replica.health.Store(&owner.Health)
		e.replica.outlier.judgeBy(owner.Outliers)
	}
	e.users++
	return e.replica
}

func (g *Registry) release(r *Replica) {
	g.mu.Lock()
	defer g.mu.Unlock()
	key := r.Owner + " " + r.Name + " " + r.URL.Host
	e := g.entries[key]
	if e == nil || e.replica != r {
		return
	}
	e.users--
	if e.users > 0 {
		return
	}
	delete(g.entries, key)
	e.stop()
	r.pool.retire()
}
