package policy

import (
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/resilience"
	"banyan.dev/gateway/internal/upstream"
)

// Table is a configuration made ready to decide by. It is never changed: a new
// configuration is a new table, and a request keeps the one it began with.
type Table struct {
	Config *config.Config
	Routes []*Route // in the order of the file
	Owners []*Owner // in the order of their names
	// cookies are the gateway's own: they are never forwarded.
	cookies  [][]byte
	session  []byte // the application's session cookie
	override []byte // the key of testers' tokens
	guards   *resilience.Guards
	tree     node
}

// Owner is who answers, ready to choose a replica.
type Owner struct {
	Name string
	// Group is nil until the table is opened.
	Group *upstream.Group
	// Guard is what protects the owner; nil until the table is opened.
	Guard    *resilience.Guard
	Attempts int
	// Identity tells that the owner is told who asks.
	Identity bool
	affinity *affinity
	least    bool
	turn     atomic.Uint32
}

// Route is one route, ready to be followed.
type Route struct {
	Index   int // in Table.Routes
	Name    string
	Pattern string
	Methods []string
	Owner   *Owner
	// Resource is what the route is about, and Owner has it; "" is nothing.
	Resource string
	Timeout  time.Duration
	MaxBody  int64
	Hold     config.Hold
	// Canary is nil when one owner answers everybody.
	Canary *Canary
	// ShadowOwner is nil when nobody answers beside the owner.
	ShadowOwner *Owner
	Shadow      *config.Shadow
	RateLimit   *config.RateLimit
}

// Request is what the policies look at. The slices are read only during a call.
type Request struct {
	Method []byte
	// Path is canonical.
	Path []byte
	// Cookies are the values of the request's Cookie headers.
	Cookies [][]byte
	// Headers answers for single headers; nil has none.
	Headers Headers
	// Tester is the value of config.OverrideHeader, or nothing.
	Tester []byte
	// Client is the address of who asks, behind trusted proxies.
	Client netip.Addr
	// Now is when the request began.
	Now time.Time
}

// Headers looks one header up, by its name in whatever case; nothing is found for
// a header that is not there.
type Headers interface {
	Value(name string) []byte
}

// New makes a table of a configuration. It decides about routes and sides at once;
// for replicas it must be opened.
func New(c *config.Config) *Table {
	t := &Table{Config: c, session: []byte(c.Clients.SessionCookie), cookies: [][]byte{
		[]byte(config.DefaultAffinityCookie), []byte(config.UserCookie), []byte(config.OverrideCookie),
	}}
	for _, o := range c.Owners {
		t.Owners = append(t.Owners, &Owner{
			Name: o.Name, Attempts: o.Retries.Attempts, Identity: o.Identity, least: o.Balance == config.LeastRequests, affinity: newAffinity(o.Affinity),
		})
		if o.Affinity != nil && o.Affinity.Cookie != config.DefaultAffinityCookie {
			t.cookies = append(t.cookies, []byte(o.Affinity.Cookie))
		}
	}
	for i := range c.Routes {
		route := t.route(i, &c.Routes[i])
		t.Routes = append(t.Routes, route)
		t.tree.insert(route)
	}
	return t
}

func (t *Table) route(i int, r *config.Route) *Route {
	route := &Route{
		Index: i, Name: r.Name, Pattern: r.Path, Methods: r.Methods, Owner: t.owner(r.Owner), Resource: r.Resource,
		Timeout: r.Timeout, MaxBody: r.MaxBody, Hold: r.Hold, RateLimit: r.RateLimit,
	}
	if r.Canary != nil {
		route.Canary = NewCanary(r.Canary, t.owner(r.Canary.Owner))
	}
	if r.Shadow != nil {
		route.Shadow, route.ShadowOwner = r.Shadow, t.owner(r.Shadow.Owner)
	}
	return route
}

// Owner returns the owner of that name, or nil.
func (t *Table) Owner(name string) *Owner { return t.owner(name) }

func (t *Table) owner(name string) *Owner {
	i := slices.IndexFunc(t.Owners, func(o *Owner) bool { return o.Name == name })
	if i < 0 {
		return nil
	}
	return t.Owners[i]
}

// Open gives the owners their replicas and guards, until Close, and the key of
// testers' tokens; without one no token counts.
func (t *Table) Open(registry *upstream.Registry, guards *resilience.Guards, override []byte) {
	t.override, t.guards = override, guards
	for i, o := range t.Owners {
		o.Group = registry.Open(t.Config.Owners[i])
		o.Guard = guards.Open(t.Config.Owners[i])
	}
}

// Close gives the owners' replicas and guards up. Requests that still use the table
// may end.
func (t *Table) Close() {
	for _, o := range t.Owners {
		o.Group.Close()
		t.guards.Close(o.Guard)
	}
}

// Match returns the route that takes the request, or nil.
func (t *Table) Match(r *Request) *Route {
	var room [spelledRoom]byte
	return t.tree.find(spelled(room[:], r.Path)[1:], r.Method, true)
}
