package picture

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"banyan.dev/gateway/internal/control/status"
)

// graph is what there is to draw, before it has places.
type graph struct {
	gateway  string
	note     string // under the gateway's name
	draining bool
	rate     float64
	owners   []*owner
	stores   []*store
}

type owner struct {
	status.Owner
	routes int // that it answers, canaries not counted
	feeds  []feed
	stores []*store
	state  string
}

// feed is one kind of requests that an owner gets, over all routes.
type feed struct {
	kind       string
	rate       float64
	shares     []float64
	routes     int
	held       int // of the routes
	waiting    int64
	countsWait bool // the waiting are told once, with the baseline
}

type store struct {
	key string
	status.Use
	users int
}

func graphOf(s status.Status) *graph {
	g := &graph{gateway: s.Name, note: fmt.Sprintf("revision %d", s.Revision), draining: s.Draining}
	byName := map[string]*owner{}
	for _, o := range s.Owners {
		drawn := &owner{Owner: o, state: stateOf(o)}
		byName[o.Name] = drawn
		g.owners = append(g.owners, drawn)
		g.use(drawn)
	}
	for i := range s.Routes {
		g.rate += s.Routes[i].Recent.PerSecond
		g.route(&s.Routes[i], byName)
	}
	// By what is configured, never by traffic: boxes must not change places.
	slices.SortStableFunc(g.owners, func(a, b *owner) int {
		return cmp.Or(cmp.Compare(b.routes, a.routes), cmp.Compare(a.Name, b.Name))
	})
	for _, o := range g.owners {
		slices.SortFunc(o.feeds, func(a, b feed) int { return cmp.Compare(order[a.kind], order[b.kind]) })
	}
	return g
}

var order = map[string]int{Baseline: 0, Canary: 1, Shadow: 2}

func stateOf(o status.Owner) string {
	unwell := 0
	for _, r := range o.Replicas {
		if Health(r) != Well {
			unwell++
		}
	}
	switch {
	case unwell == len(o.Replicas), o.Breaker != nil && o.Breaker.State == status.Open:
		return Unwell
	case unwell > 0, o.Breaker != nil && o.Breaker.State == status.HalfOpen:
		return Partly
	}
	return Well
}

// Health is a replica's state: Well, Ejected or Unwell.
func Health(r status.Replica) string {
	switch {
	case r.EjectedUntil != nil:
		return Ejected
	case !r.Healthy:
		return Unwell
	}
	return Well
}

func (g *graph) use(o *owner) {
	for _, u := range o.Uses {
		key := u.Kind + " " + u.Address + " " + u.Name
		i := slices.IndexFunc(g.stores, func(s *store) bool { return s.key == key })
		if i < 0 {
			i = len(g.stores)
			g.stores = append(g.stores, &store{key: key, Use: u})
		}
		s := g.stores[i]
		s.users++
		for _, topic := range u.Topics {
			if !slices.Contains(s.Topics, topic) {
				s.Topics = append(slices.Clip(s.Topics), topic)
			}
		}
		o.stores = append(o.stores, s)
	}
}

func (g *graph) route(r *status.Route, owners map[string]*owner) {
	for _, side := range r.Sides {
		o := owners[side.Owner]
		if o == nil {
			continue
		}
		if side.Role == Baseline {
			o.routes++
		}
		f := o.feed(side.Role)
		f.rate += side.Recent.PerSecond
		f.hold(r)
		if side.Role == Canary {
			f.share(side.Share)
		}
	}
	if r.Shadow == nil || owners[r.Shadow.Owner] == nil {
		return
	}
	f := owners[r.Shadow.Owner].feed(Shadow)
	f.rate += r.Shadow.PerSecond
	f.routes++
	f.share(r.Shadow.Percent)
}

func (o *owner) feed(kind string) *feed {
	i := slices.IndexFunc(o.feeds, func(f feed) bool { return f.kind == kind })
	if i < 0 {
		i = len(o.feeds)
		o.feeds = append(o.feeds, feed{kind: kind, countsWait: kind == Baseline})
	}
	return &o.feeds[i]
}

func (f *feed) hold(r *status.Route) {
	f.routes++
	if !r.Hold.Held {
		return
	}
	f.held++
	if f.countsWait {
		f.waiting += r.Hold.Waiting
	}
}

func (f *feed) share(percent float64) {
	if !slices.Contains(f.shares, percent) {
		f.shares = append(f.shares, percent)
	}
}

// label says what flows, in long or in short.
func (f *feed) label(short bool) string {
	var parts []string
	if f.kind != Baseline {
		parts = append(parts, f.kind+" "+shares(f.shares))
	}
	if f.held == 0 {
		return strings.Join(append(parts, Rate(f.rate)), " · ")
	}
	text := "held"
	switch {
	case f.held < f.routes && short:
		text = fmt.Sprintf("%d/%d held", f.held, f.routes)
	case f.held < f.routes:
		text = fmt.Sprintf("%d of %d routes held", f.held, f.routes)
	}
	if f.waiting > 0 {
		text += fmt.Sprintf(", %d wait", f.waiting)
	}
	return strings.Join(append(parts, text), " · ")
}

func shares(list []float64) string {
	low, high := slices.Min(list), slices.Max(list)
	if low == high {
		return Percent(low)
	}
	return fmt.Sprintf("%g–%s", low, Percent(high))
}
