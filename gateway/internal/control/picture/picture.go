package picture

import "banyan.dev/gateway/internal/control/status"

// Drawing is a picture of one size. Lengths are in CSS pixels.
type Drawing struct {
	Layout        string // wide, middle or narrow
	Width, Height int
	Lines         []Line
	Boxes         []Box
}

// The kinds of a Line.
const (
	Asks     = "asks" // clients ask the gateway
	Baseline = status.Baseline
	Canary   = status.Canaried
	Shadow   = "shadow"
	Uses     = "uses"
)

// Line is what flows from one box to another.
type Line struct {
	// Key is the same from one drawing to the next.
	Key, Kind string
	Path      string // SVG path data
	Width     float64
	Flow      int // how fast it seems to flow: 0, nothing does, to 3
	// Gate is where the line is closed while routes of it are held; nil when none
	// is.
	Gate  *Point
	Label *Text
}

// Dot is the width of the dots that run along the line.
func (l Line) Dot() float64 { return l.Width + 2.5 }

// Point is a place in the drawing.
type Point struct{ X, Y int }

// The kinds of a Box.
const (
	Clients = "clients"
	Gateway = "gateway"
	Owner   = "owner"
	Store   = "store"
)

// The states of a Box or a Mark.
const (
	Well    = "well"
	Partly  = "partly" // some of it is unwell
	Unwell  = "unwell"
	Ejected = "ejected" // out for a while, because of its answers
)

// Box is one thing that takes part.
type Box struct {
	Key, Kind string
	State     string
	X, Y      int
	W, H      int
	Title     string // in full, for who points at it
	Texts     []Text
	Marks     []Mark
}

// Text is one line of text; its place is the baseline's.
type Text struct {
	X, Y   int
	Class  string // name, figure, note, warn or line
	Anchor string // start, middle or end
	Text   string
}

// Mark is a small shape: a replica's state, or the kind of a store.
type Mark struct {
	X, Y  int // its middle
	Shape string
	Small bool // it stands in a row
}

// All draws the picture in each layout, the widest first. A page shows the one that
// fits its window.
func All(s status.Status) []Drawing {
	g := graphOf(s)
	return []Drawing{across(g, wide), across(g, middle), down(g)}
}
