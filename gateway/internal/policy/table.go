package policy

import (
	"slices"
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/upstream"
)

// Table is a configuration made ready to decide by. It is never changed: a new
// configuration is a new table, and a request keeps the one it began with.
type Table struct {
	Config *config.Config
	Routes []*Route // in the order of the file
	Owners []*Owner // in the order of their names
	// cookies are the gateway's own: they are never forwarded.
	cookies [][]byte
	tree    node
}

// Owner is who answers, ready to choose a replica.
type Owner struct {
	Name     string
	Group    *upstream.Group
	affinity *affinity
	least    bool
	turn     atomic.Uint32
}

// Route is one route, ready to be followed.
type Route struct {
	Index   int // in Table.Routes
	Pattern string
	Methods []string
	Owner   *Owner
	Timeout time.Duration
	MaxBody int64
}

// Request is what the policies look at. The slices are read only during a call.
type Request struct {
	Method []byte
	// Path is canonical.
	Path []byte
	// Cookies are the values of the request's Cookie headers.
	Cookies [][]byte
}

// New makes a table of a configuration; its owners' groups are opened in the
// registry, until Close.
func New(c *config.Config, registry *upstream.Registry) *Table {
	t := &Table{Config: c, cookies: [][]byte{[]byte(config.DefaultAffinityCookie)}}
	for _, o := range c.Owners {
		owner := &Owner{
			Name: o.Name, Group: registry.Open(o), least: o.Balance == config.LeastRequests,
			affinity: newAffinity(o.Affinity),
		}
		t.Owners = append(t.Owners, owner)
		if o.Affinity != nil && o.Affinity.Cookie != config.DefaultAffinityCookie {
			t.cookies = append(t.cookies, []byte(o.Affinity.Cookie))
		}
	}
	for i, r := range c.Routes {
		owner := slices.IndexFunc(t.Owners, func(o *Owner) bool { return o.Name == r.Owner })
		route := &Route{Index: i, Pattern: r.Path, Methods: r.Methods, Owner: t.Owners[owner], Timeout: r.Timeout, MaxBody: r.MaxBody}
		t.Routes = append(t.Routes, route)
		t.tree.insert(route)
	}
	return t
}

// Close gives the owners' replicas up. Requests that still use the table may end.
func (t *Table) Close() {
	for _, o := range t.Owners {
		o.Group.Close()
	}
}

// Match returns the route that takes the request, or nil.
func (t *Table) Match(r *Request) *Route {
	return t.tree.find(r.Path[1:], r.Method, true)
}
