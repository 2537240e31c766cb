package ownership_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/ownership"
)

var write = flag.Bool("write", false, "write the pictures of the machine instead of comparing them")

const models = "../../docs/models/handover/"

// The pictures are made from the machine, so they can't say anything else. After a
// change of the machine: go test ./platform/ownership -run Picture -write
func TestThePicturesShowTheMachine(t *testing.T) {
	page, err := os.ReadFile(models + "README.md")
	require.NoError(t, err)
	const begin, end = "<!-- machine:begin -->\n", "<!-- machine:end -->"
	before, rest, ok := strings.Cut(string(page), begin)
	require.True(t, ok, begin)
	_, after, ok := strings.Cut(rest, end)
	require.True(t, ok, end)
	inStep(t, "README.md", string(page), before+begin+oneSide()+end+after)

	svg, err := os.ReadFile(models + "handover.svg")
	if !*write {
		require.NoError(t, err)
	}
	inStep(t, "handover.svg", string(svg), bothSides())
}

func inStep(t *testing.T, name, have, want string) {
	t.Helper()
	if have == want {
		return
	}
	if *write {
		require.NoError(t, os.WriteFile(models+name, []byte(want), 0o644))
		return
	}
	t.Errorf("docs/models/handover/%s is out of step with the machine: run this test with -write", name)
}

// oneSide is the machine of one row, as a diagram and as a table.
func oneSide() string {
	var b strings.Builder
	b.WriteString("```mermaid\nstateDiagram-v2\n    direction LR\n")
	for _, tr := range ownership.Transitions() {
		fmt.Fprintf(&b, "    %s --> %s: %s\n", tr.From, tr.To, tr.Move)
	}
	b.WriteString("```\n\n| move | from | to | only if its own row is | and |\n|---|---|---|---|---|\n")
	for _, tr := range ownership.Transitions() {
		to := string(tr.To) + " at e"
		if tr.Raise > 0 {
			to += fmt.Sprintf("+%d", tr.Raise)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", tr.Move, tr.From, to, tr.Own.Says, tr.Other.Says)
	}
	return b.String()
}

// node is the two rows at one moment of a hand-over of epoch e.
type node struct {
	rows       [2]ownership.Row
	column, at int
}

type edge struct {
	from, to *node
	label    string
}

const e0 = 100 // stands for e

// walkPairs makes every move that the machine allows, with readings as they are,
// until the hand-over of epoch e is over.
func walkPairs() (nodes []*node, edges []edge) {
	seen := map[[2]ownership.Row]*node{}
	inColumn := map[int]int{}
	add := func(rows [2]ownership.Row, column int) (*node, bool) {
		if n := seen[rows]; n != nil {
			return n, false
		}
		n := &node{rows, column, inColumn[column]}
		inColumn[column]++
		seen[rows], nodes = n, append(nodes, n)
		return n, true
	}
	add([2]ownership.Row{{State: ownership.Owner, Epoch: e0}, {State: ownership.Follower, Epoch: e0 - 1}}, 0)
	for i := 0; i < len(nodes); i++ {
		for _, tr := range ownership.Transitions() {
			side := map[ownership.State]int{ownership.Owner: 0, ownership.Fenced: 0, ownership.Follower: 1}[tr.From]
			rows := nodes[i].rows
			next, err := rows[side].After(ownership.Order{Move: tr.Move, Epoch: e0, Other: rows[1-side]})
			if err != nil || next == rows[side] || rows[0].State != ownership.Fenced && tr.From == ownership.Follower {
				continue // a take or bar before the fence has no marker, or nobody who asks
			}
			rows[side] = next
			to, _ := add(rows, nodes[i].column+1)
			edges = append(edges, edge{nodes[i], to, string(tr.Move)})
		}
	}
	return nodes, edges
}

const (
	boxW, boxH = 190, 74
	gapX, gapY = 96, 46
	margin     = 24
)

func (n *node) x() int { return margin + n.column*(boxW+gapX) }
func (n *node) y() int { return margin + 30 + n.at*(boxH+gapY) }

// bothSides is the way of the two rows through one hand-over.
func bothSides() string {
	nodes, edges := walkPairs()
	width, height := 0, 0
	for _, n := range nodes {
		width, height = max(width, n.x()+boxW+margin), max(height, n.y()+boxH+margin)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="system-ui, sans-serif" font-size="14" role="img">
<title>The two rows during a hand-over of epoch e</title>
<style>
svg { color: #1f2430; background: #fff }
.box { fill: #fff; stroke: #8a93a6 } .owner { fill: #2f7d4f } .fenced { fill: #b4552d } .follower { fill: #5b6474 }
.line { stroke: #5b6474; fill: none; stroke-width: 1.5 } text { fill: currentColor } .state { fill: #fff } .small { font-size: 12px }
@media (prefers-color-scheme: dark) { svg { color: #e6e8ee; background: #15181f } .box { fill: #1f2430; stroke: #5b6474 } .line { stroke: #aab2c3 } }
</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" fill="#8a93a6"/></marker></defs>
<text x="%d" y="%d" class="small">upper row: who hands over; lower row: who takes; e is the epoch of the hand-over</text>
`, width, height, margin, margin+4)
	for _, ed := range edges {
		x1, y1, x2, y2 := ed.from.x()+boxW, ed.from.y()+boxH/2, ed.to.x(), ed.to.y()+boxH/2
		fmt.Fprintf(&b, `<path class="line" marker-end="url(#tip)" d="M%d %d C%d %d %d %d %d %d"/>`+"\n", x1, y1, x1+gapX/2, y1, x2-gapX/2, y2, x2-2, y2)
		anchor, x := "middle", (x1+x2)/2
		if y1 != y2 {
			anchor, x = "start", x+8
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="%s">%s</text>`+"\n", x, (y1+y2)/2-8, anchor, ed.label)
	}
	for _, n := range nodes {
		fmt.Fprintf(&b, `<rect class="box" x="%d" y="%d" width="%d" height="%d" rx="6"/>`+"\n", n.x(), n.y(), boxW, boxH)
		for i, r := range n.rows {
			y := n.y() + 8 + i*32
			fmt.Fprintf(&b, `<rect class="%s" x="%d" y="%d" width="%d" height="26" rx="4"/><text class="state" x="%d" y="%d" text-anchor="middle">%s</text>`+"\n",
				r.State, n.x()+8, y, boxW-16, n.x()+boxW/2, y+18, epochText(r))
		}
	}
	b.WriteString("</svg>\n")
	return b.String()
}

func epochText(r ownership.Row) string {
	switch d := r.Epoch - e0; {
	case d < 0:
		return fmt.Sprintf("%s at e or e-1", r.State)
	case d == 0:
		return fmt.Sprintf("%s at e", r.State)
	default:
		return fmt.Sprintf("%s at e+%d", r.State, d)
	}
}
