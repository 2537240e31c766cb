package picture

import "fmt"

// Lengths of the narrow layout: a window of 360 pixels has 320 to draw on.
const (
	narrowWidth = 320
	trunks      = 14 // where the first line runs down
	trunk       = 15 // from one line to the next
	branchX     = 62 // where owners begin
)

// down lays the graph out from top to bottom: requests of one kind run down one
// trunk, and branch off to each owner. What an owner uses is told in its box.
func down(g *graph) Drawing {
	d := Drawing{Layout: "narrow", Width: narrowWidth}
	clients := g.clientsBox(column{60, narrowWidth - 120}, 2)
	b := g.gatewayBox(2, 80, narrowWidth-4)
	gateway := b.done(56)
	d.Boxes = append(d.Boxes, clients, gateway)
	d.Lines = append(d.Lines, Line{
		Key: Asks, Kind: Asks, Width: strength(g.rate), Flow: flow(g.rate), Path: fmt.Sprintf("M%d 54V80", narrowWidth/2),
	})
	y := gateway.Y + gateway.H + gap
	for _, o := range g.owners {
		box := d.branch(o, gateway.Y+gateway.H, y)
		y += box.H + gap
	}
	d.Height = y - gap + margin/2
	return d
}

// branch draws one owner, with a row for each line that reaches it.
func (d *Drawing) branch(o *owner, top, y int) Box {
	b := newBox("owner "+o.Name, Owner, branchX, y, narrowWidth-2-branchX)
	feeds := o.feeds
	b.next += len(feeds) * row
	o.fill(b)
	for i := range feeds {
		f := &feeds[i]
		at := y + head + 10 + i*row
		b.text(b.X+inset, at+4, "label", "start", fit(f.label(true), b.W-2*inset))
		x := trunks + order[f.kind]*trunk
		line := Line{
			Key: f.kind + " " + o.Name, Kind: f.kind, Width: strength(f.rate), Flow: flow(f.rate),
			Path: fmt.Sprintf("M%d %dV%dQ%d %d %d %dH%d", x, top, at-8, x, at, x+8, at, b.X),
		}
		if f.held > 0 {
			line.Gate = &Point{b.X - 8, at}
		}
		d.Lines = append(d.Lines, line)
	}
	for _, s := range o.stores {
		b.line(s.Kind, "note", s.Name+" ("+s.Kind+")", "")
	}
	box := b.done(0)
	d.Boxes = append(d.Boxes, box)
	return box
}
