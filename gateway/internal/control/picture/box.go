package picture

import (
	"fmt"

	"banyan.dev/gateway/internal/control/status"
)

// Lengths that all layouts share.
const (
	row      = 20 // one line of text in a box
	head     = 36 // a box's title
	pad      = 10 // under the last row's baseline
	inset    = 12 // of text in a box
	mostRows = 6  // replicas that are drawn one by one
	lane     = 26 // from one line to the next, room for a label between
)

// build fills a box from the top down.
type build struct {
	Box
	next int // the next row's baseline
}

func newBox(key, kind string, x, y, w int) *build {
	return &build{Box: Box{Key: key, Kind: kind, State: Well, X: x, Y: y, W: w}, next: y + head + 14}
}

// title writes the first row: a name, and a figure at the other side.
func (b *build) title(name, figure string) {
	room := b.W - 2*inset - 8*len(figure)
	b.Title = name
	b.text(b.X+inset, b.Y+23, "name", "start", fit(name, room*7/8)) // bold letters are wider
	if figure != "" {
		b.text(b.X+b.W-inset, b.Y+23, "figure", "end", figure)
	}
}

// line writes another row, with a mark before it unless that is "".
func (b *build) line(mark, class, text, figure string) {
	x := b.X + inset
	if mark != "" {
		b.Marks = append(b.Marks, Mark{X: x + 6, Y: b.next - 4, Shape: mark, Small: mark != Well && mark != Unwell && mark != Ejected})
		x += 20
	}
	room := b.X + b.W - inset - x - 7*len(figure)
	if class == "note" {
		room = room * 13 / 12 // its letters are smaller
	}
	b.text(x, b.next, class, "start", fit(text, room))
	if figure != "" {
		b.text(b.X+b.W-inset, b.next, "figure", "end", figure)
	}
	b.next += row
}

func (b *build) text(x, y int, class, anchor, text string) {
	b.Texts = append(b.Texts, Text{X: x, Y: y, Class: class, Anchor: anchor, Text: text})
}

// done closes the box under its last row, or at least that high.
func (b *build) done(atLeast int) Box {
	b.H = max(b.next-row-b.Y+pad+2, atLeast)
	return b.Box
}

// fill writes what an owner's box tells: what protects it, and its replicas.
func (o *owner) fill(b *build) {
	b.State = o.state
	b.title(o.Name, Rate(o.PerSecond))
	if warning := o.warning(); warning != "" {
		b.line("", "warn", warning, "")
	}
	if len(o.feeds) == 0 {
		b.line("", "note", "answers nothing yet", "")
	}
	if len(o.Replicas) == 0 {
		b.line(Unwell, "warn", "no replica known", "")
	}
	shown := o.Replicas
	if len(shown) > mostRows {
		shown = shown[:mostRows-1]
	}
	for _, r := range shown {
		figure := Rate(r.PerSecond)
		if state := Health(r); state != Well {
			figure = state
		}
		b.line(Health(r), "line", r.Name, figure)
	}
	if rest := o.Replicas[len(shown):]; len(rest) > 0 {
		b.line(worst(rest), "note", others(rest), "")
	}
}

// warning is what keeps requests from the owner beside its replicas.
func (o *owner) warning() string {
	switch {
	case o.Breaker != nil && o.Breaker.State == status.Open:
		return "breaker open"
	case o.Breaker != nil && o.Breaker.State == status.HalfOpen:
		return "breaker half open"
	case o.MaxInFlight > 0 && o.InFlight*10 >= int64(o.MaxInFlight)*8:
		return fmt.Sprintf("%d of %d in flight", o.InFlight, o.MaxInFlight)
	}
	return ""
}

func worst(list []status.Replica) string {
	found := Well
	for _, r := range list {
		switch Health(r) {
		case Unwell:
			return Unwell
		case Ejected:
			found = Ejected
		}
	}
	return found
}

func others(list []status.Replica) string {
	unwell := 0
	for _, r := range list {
		if Health(r) != Well {
			unwell++
		}
	}
	if unwell == 0 {
		return fmt.Sprintf("%d more, all well", len(list))
	}
	return fmt.Sprintf("%d more, %d out", len(list), unwell)
}

// gatewayBox tells who decides.
func (g *graph) gatewayBox(x, y, w int) *build {
	b := newBox("gateway", Gateway, x, y, w)
	b.title(g.gateway, "")
	b.next -= 10
	b.line("", "note", g.note, "")
	if g.draining {
		b.State = Partly
		b.line("", "warn", "draining", "")
	}
	return b
}

// storeBox tells what is used.
func (s *store) storeBox(x, y, w int, short bool) Box {
	b := newBox("store "+s.key, Store, x, y, w)
	b.Title = s.Kind + " " + s.Name + " " + s.Address
	b.Marks = append(b.Marks, Mark{X: x + inset + 8, Y: y + 22, Shape: s.Kind})
	b.text(x+inset+26, y+20, "name", "start", fit(s.Name, (w-2*inset-26)*7/8))
	b.text(x+inset+26, y+36, "note", "start", fit(s.where(short), (w-2*inset-26)*13/12))
	b.next = y + head + 22
	const mostTopics = 4
	for i, topic := range s.Topics {
		if i == mostTopics-1 && len(s.Topics) > mostTopics {
			topic = fmt.Sprintf("%d more topics", len(s.Topics)-i)
		}
		b.text(x+inset+26, b.next, "note", "start", fit(topic, (w-2*inset-26)*13/12))
		b.next += row
		if i == mostTopics-1 {
			break
		}
	}
	return b.done(46)
}

func (s *store) where(short bool) string {
	if short || s.Address == "" {
		return s.Kind
	}
	return s.Kind + ", " + s.Address
}
