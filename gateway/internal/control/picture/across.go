package picture

import (
	"cmp"
	"fmt"
	"slices"
)

// columns says where the boxes of a layout stand, from left to right.
type columns struct {
	name             string
	clients, gateway column
	owners, stores   column
	short            bool // labels are
}

type column struct{ x, w int }

func (c column) right() int { return c.x + c.w }

var (
	wide   = columns{"wide", column{2, 92}, column{170, 150}, column{560, 280}, column{962, 218}, false}
	middle = columns{"middle", column{2, 66}, column{98, 104}, column{364, 182}, column{586, 152}, true}
)

// margin is around the drawing, and between boxes above each other.
const (
	margin = 12
	gap    = 26
)

// port is where a line meets a box.
type port struct{ x, y int }

// across lays the graph out from left to right: who asks, who decides, who
// answers, and what that uses.
func across(g *graph, c columns) Drawing {
	a := &acrossLayout{g: g, c: c, centre: map[*owner]int{}}
	a.placeOwners()
	a.placeStores()
	a.placeGateway()
	d := Drawing{Layout: c.name, Width: c.stores.right() + 2, Height: a.bottom + margin, Lines: a.lines, Boxes: a.boxes}
	if len(g.stores) == 0 {
		d.Width = c.owners.right() + 2
	}
	return d
}

type acrossLayout struct {
	g      *graph
	c      columns
	boxes  []Box
	lines  []Line
	ends   []end // of lines from the gateway, in order
	centre map[*owner]int
	bottom int
}

type end struct {
	owner *owner
	feed  *feed
	at    port
}

func (a *acrossLayout) placeOwners() {
	y := margin
	for _, o := range a.g.owners {
		b := newBox("owner "+o.Name, Owner, a.c.owners.x, y, a.c.owners.w)
		o.fill(b)
		box := b.done(len(o.feeds)*lane + 14)
		a.boxes = append(a.boxes, box)
		for i := range o.feeds {
			a.ends = append(a.ends, end{o, &o.feeds[i], port{box.X, y + 18 + i*lane}})
		}
		a.centre[o] = y + box.H/2
		y += box.H + gap
	}
	a.bottom = max(y-gap, margin+90)
}

// placeStores puts each as near to its users as the others allow.
func (a *acrossLayout) placeStores() {
	wish := map[*store]int{}
	for _, o := range a.g.owners {
		for _, s := range o.stores {
			wish[s] += a.centre[o] / s.users
		}
	}
	stores := slices.Clone(a.g.stores)
	slices.SortStableFunc(stores, func(p, q *store) int { return cmp.Or(cmp.Compare(wish[p], wish[q]), cmp.Compare(p.key, q.key)) })
	y := margin
	placed := map[*store]Box{}
	for _, s := range stores {
		box := s.storeBox(a.c.stores.x, 0, a.c.stores.w, a.c.short)
		box = s.storeBox(a.c.stores.x, max(y, wish[s]-box.H/2), a.c.stores.w, a.c.short)
		y = box.Y + box.H + gap/2
		a.boxes = append(a.boxes, box)
		placed[s] = box
	}
	a.bottom = max(a.bottom, y-gap/2)
	a.connectStores(placed)
}

func (a *acrossLayout) connectStores(placed map[*store]Box) {
	arrived := map[*store]int{}
	for _, o := range a.g.owners {
		for i, s := range o.stores {
			box := placed[s]
			from := port{a.c.owners.right(), a.centre[o] + spread(i, len(o.stores), 10)}
			to := port{box.X, box.Y + box.H/2 + spread(arrived[s], s.users, 8)}
			arrived[s]++
			a.lines = append(a.lines, Line{Key: "uses " + o.Name + " " + s.key, Kind: Uses, Path: curve(from, to), Width: 1.5})
		}
	}
}

// spread is how far the i-th of n lies from their middle.
func spread(i, n, step int) int { return (2*i - n + 1) * step / 2 }

func (a *acrossLayout) placeGateway() {
	h := max(76, len(a.ends)*lane+16)
	y := max((a.bottom+margin-h)/2, margin/2)
	gateway := a.g.gatewayBox(a.c.gateway.x, y, a.c.gateway.w).done(h)
	gateway.H = h
	centre := y + h/2
	clients := a.g.clientsBox(a.c.clients, centre-26)
	a.boxes = append(a.boxes, clients, gateway)
	a.lines = append(a.lines, Line{
		Key: Asks, Kind: Asks, Width: strength(a.g.rate), Flow: flow(a.g.rate),
		Path: curve(port{a.c.clients.right(), centre}, port{gateway.X, centre}),
	})
	for i, e := range a.ends {
		from := port{a.c.gateway.right(), centre + spread(i, len(a.ends), lane)}
		a.lines = append(a.lines, a.feedLine(e, from))
	}
	a.bottom = max(a.bottom, y+h)
}

func (a *acrossLayout) feedLine(e end, from port) Line {
	l := Line{
		Key: e.feed.kind + " " + e.owner.Name, Kind: e.feed.kind, Path: curve(from, e.at),
		Width: strength(e.feed.rate), Flow: flow(e.feed.rate),
		Label: &Text{X: e.at.x - 10, Y: e.at.y - 7, Class: "label", Anchor: "end", Text: e.feed.label(a.c.short)},
	}
	if e.feed.held > 0 {
		l.Gate = &Point{from.x + 18, from.y}
	}
	return l
}

func (g *graph) clientsBox(c column, y int) Box {
	b := newBox("clients", Clients, c.x, y, c.w)
	b.H = 52
	b.text(c.x+c.w/2, y+23, "name", "middle", "Clients")
	b.text(c.x+c.w/2, y+40, "figure", "middle", Rate(g.rate))
	b.Title = "Clients"
	return b.Box
}

// curve leaves level, and arrives level for longer: there its label stands.
func curve(from, to port) string {
	gap := to.x - from.x
	return fmt.Sprintf("M%d %dC%d %d %d %d %d %d", from.x, from.y, from.x+gap*3/10, from.y, to.x-gap*8/10, to.y, to.x, to.y)
}
