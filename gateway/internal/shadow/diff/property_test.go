package diff_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"banyan.dev/gateway/internal/shadow/diff"
)

// node is a JSON value that tests can change and write.
type node struct {
	scalar string // JSON text; "" for containers
	object bool
	keys   []string
	items  []*node
}

// tree draws a value. Scalars are all different, so that a change at one place is
// told from one at another.
type tree struct {
	t *rapid.T
	n int
}

func (g *tree) scalar() string {
	g.n++
	return rapid.SampledFrom([]func() string{
		func() string { return fmt.Sprint(g.n) },
		func() string { return fmt.Sprintf("%d.5e3", g.n) },
		func() string { return fmt.Sprintf(`"s%d ~/\u00e9"`, g.n) },
	}).Draw(g.t, "scalar")()
}

func (g *tree) node(depth int) *node {
	kind := rapid.IntRange(0, 3).Draw(g.t, "kind")
	if depth == 0 || kind == 0 {
		return &node{scalar: g.scalar()}
	}
	// Of two empty containers in one array nobody could tell which was taken.
	n := &node{object: kind == 1}
	for i := range rapid.IntRange(1, 5).Draw(g.t, "length") {
		if n.object {
			n.keys = append(n.keys, rapid.SampledFrom([]string{"a", "b/c", "d~", "", "*", "é"}).Draw(g.t, "key")+fmt.Sprint(i))
		}
		n.items = append(n.items, g.node(depth-1))
	}
	return n
}

func (n *node) write(out *strings.Builder) {
	if n.scalar != "" {
		out.WriteString(n.scalar)
		return
	}
	open, end := "[", "]"
	if n.object {
		open, end = "{", "}"
	}
	out.WriteString(open)
	for i, item := range n.items {
		if i > 0 {
			out.WriteString(" ,")
		}
		if n.object {
			key, _ := json.Marshal(n.keys[i])
			out.Write(key)
			out.WriteString(": ")
		}
		item.write(out)
	}
	out.WriteString(end)
}

func (n *node) String() string {
	var out strings.Builder
	n.write(&out)
	return out.String()
}

func (n *node) clone() *node {
	c := &node{scalar: n.scalar, object: n.object, keys: slices.Clone(n.keys)}
	for _, item := range n.items {
		c.items = append(c.items, item.clone())
	}
	return c
}

// shuffle brings what has no order into another one: members, and with arrays also
// elements.
func (n *node) shuffle(t *rapid.T, arrays bool) {
	for _, item := range n.items {
		item.shuffle(t, arrays)
	}
	if !n.object && !arrays {
		return
	}
	order := make([]int, len(n.items))
	for i := range order {
		order[i] = i
	}
	keys, items := slices.Clone(n.keys), slices.Clone(n.items)
	for to, from := range rapid.Permutation(order).Draw(t, "order") {
		items[to] = n.items[from]
		if n.object {
			keys[to] = n.keys[from]
		}
	}
	n.keys, n.items = keys, items
}

// places are the pointers to all values within.
func (n *node) places(at string, found map[string]*node) {
	found[at] = n
	for i, item := range n.items {
		token := fmt.Sprint(i)
		if n.object {
			token = strings.NewReplacer("~", "~0", "/", "~1").Replace(n.keys[i])
		}
		item.places(at+"/"+token, found)
	}
}

func draw(t *rapid.T) *node { return (&tree{t: t}).node(4) }

func mustCompare(t *rapid.T, r *diff.Rules, a, b fmt.Stringer) []diff.Difference {
	result, err := r.Compare(ok(a.String()), ok(b.String()), diff.JSON)
	if err != nil {
		t.Fatal(err)
	}
	return result.Differences
}

// everywhere makes arrays unordered at all depths that are drawn.
var everywhere = diff.NewRules(nil, []string{"", "/*", "/*/*", "/*/*/*", "/*/*/*/*"}, nil)

func TestAValueEqualsItselfWrittenOtherwise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := draw(t)
		b := a.clone()
		b.shuffle(t, false)
		if d := mustCompare(t, none, a, b); d != nil {
			t.Fatalf("%s\n%s\n%v", a, b, d)
		}
	})
}

func TestUnorderedArraysEqualThemselvesShuffled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := draw(t)
		b := a.clone()
		b.shuffle(t, true)
		if d := mustCompare(t, everywhere, a, b); d != nil {
			t.Fatalf("%s\n%s\n%v", a, b, d)
		}
	})
}

// plant changes one value and says where and how.
func plant(t *rapid.T, root *node) (path string, kind diff.Kind) {
	found := map[string]*node{}
	root.places("", found)
	all := make([]string, 0, len(found))
	for p := range found {
		all = append(all, p)
	}
	slices.Sort(all)
	at := rapid.SampledFrom(all).Draw(t, "place")
	n := found[at]
	if len(n.items) == 0 || rapid.Bool().Draw(t, "whole") {
		*n = node{scalar: `"planted"`}
		return at, diff.Changed
	}
	i := rapid.IntRange(0, len(n.items)-1).Draw(t, "element")
	token := fmt.Sprint(i)
	if n.object {
		token = strings.NewReplacer("~", "~0", "/", "~1").Replace(n.keys[i])
		n.keys = slices.Delete(n.keys, i, i+1)
	}
	n.items = slices.Delete(n.items, i, i+1)
	return at + "/" + token, diff.Missing
}

func TestAPlantedChangeIsNamedExactly(t *testing.T) {
	for name, c := range map[string]struct {
		rules   *diff.Rules
		shuffle bool
	}{"in order": {none, false}, "unordered": {everywhere, true}} {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				a := draw(t)
				b := a.clone()
				path, kind := plant(t, b)
				b.shuffle(t, c.shuffle)
				d := mustCompare(t, c.rules, a, b)
				if len(d) != 1 || d[0].Path != path || d[0].Kind != kind {
					t.Fatalf("%s %s in\n%s\n%s\n%v", kind, path, a, b, d)
				}
				back := mustCompare(t, c.rules, b, a)
				if len(back) != 1 || back[0].Baseline != d[0].Shadow || back[0].Shadow != d[0].Baseline {
					t.Fatalf("not symmetric:\n%s\n%s\n%v\n%v", a, b, d, back)
				}
			})
		})
	}
}

func TestBeingTheSameIsSymmetric(t *testing.T) {
	rules := diff.NewRules([]string{"/a0", "/*/1"}, []string{"", "/*/*"}, map[string]float64{"/*": 3, "/*/*": 3})
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t), draw(t)
		if rapid.Bool().Draw(t, "near") {
			b = a.clone()
			b.shuffle(t, true)
		}
		there, back := mustCompare(t, rules, a, b), mustCompare(t, rules, b, a)
		if (there == nil) != (back == nil) {
			t.Fatalf("%s\n%s\n%v\n%v", a, b, there, back)
		}
	})
}

func TestATolerantPairingIsFoundWhereThereIsOne(t *testing.T) {
	rules := diff.NewRules(nil, []string{""}, map[string]float64{"/*": 5})
	rapid.Check(t, func(t *rapid.T) {
		a, b := &node{}, &node{}
		for range rapid.IntRange(1, 30).Draw(t, "length") {
			x := rapid.IntRange(-20, 20).Draw(t, "x")
			a.items = append(a.items, &node{scalar: fmt.Sprint(x)})
			b.items = append(b.items, &node{scalar: fmt.Sprint(x + rapid.IntRange(-5, 5).Draw(t, "off"))})
		}
		b.shuffle(t, true)
		if d := mustCompare(t, rules, a, b); d != nil {
			t.Fatalf("%s\n%s\n%v", a, b, d)
		}
	})
}

func FuzzCompare(f *testing.F) {
	for _, s := range []string{`{"a":[1,2,{"b":null}]}`, `[1e9,-0.5,"\ud800\u12"]`, "[[[[", `{"a":1,"a":2}`, "\x00", `{"items":[{"id":1},{"id":2}]}`} {
		f.Add([]byte(s), []byte(`{"items":[{"id":2},{"id":1,"score":1.5}]}`))
		f.Add([]byte(s), []byte(s+" "))
	}
	rules := diff.NewRules([]string{"/a/*/b", "/next"}, []string{"/items", "/*/x"}, map[string]float64{"/items/*/score": .5})
	f.Fuzz(func(t *testing.T, a, b []byte) {
		for _, mode := range []diff.Mode{diff.JSON, diff.Bytes} {
			there, err := rules.Compare(diff.Answer{Body: a}, diff.Answer{Body: b}, mode)
			back, errBack := rules.Compare(diff.Answer{Body: b}, diff.Answer{Body: a}, mode)
			if err == nil && errBack == nil && there.Same() != back.Same() {
				t.Fatalf("not symmetric: %v, %v", there, back)
			}
			if string(a) == string(b) && !there.Same() {
				t.Fatal("not equal to itself")
			}
			_ = diff.Text(there.Differences, there.More)
		}
		_, _ = diff.Excerpt(a, 64)
		if same, err := rules.Compare(diff.Answer{Body: a}, diff.Answer{Body: append([]byte{' '}, a...)}, diff.JSON); err == nil && json.Valid(a) && !same.Same() {
			t.Fatalf("white space counts: %v", same.Differences)
		}
	})
}
