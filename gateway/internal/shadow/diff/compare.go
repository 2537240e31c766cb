package diff

import (
	"hash/maphash"
	"strconv"
	"strings"
)

// effort bounds a comparison: so many values may be looked at, counted again each
// time. It is about a tenth of a second.
const effort = 1_000_000

// budget is what is left of it, over all that one comparison starts.
type budget struct{ left int }

func (b *budget) exhausted() bool { return b.left < 0 }

// spend takes one step; it is false when nothing is left.
func (b *budget) spend() bool {
	b.left--
	return b.left >= 0
}

// comparer finds the differences of two values.
type comparer struct {
	budget *budget
	seed   maphash.Seed
	out    []Difference
	limit  int
	more   bool
	// quiet is set where only the number of differences is of interest.
	quiet bool
	found int
}

func newComparer(limit int) *comparer {
	return &comparer{budget: &budget{effort}, seed: maphash.MakeSeed(), limit: limit}
}

// distance is how many differences two values have, counted up to the limit.
func (c *comparer) distance(s scope, a, b *value, limit int) int {
	counter := comparer{budget: c.budget, seed: c.seed, limit: limit, quiet: true}
	counter.value(s, nil, a, b)
	return counter.found
}

// same tells whether two values are the same under the rules. Where the effort is
// used up it says no; nothing of such a comparison is used.
func (c *comparer) same(s scope, a, b *value) bool {
	return c.distance(s, a, b, 1) == 0 && !c.budget.exhausted()
}

// stop tells that no further difference is wanted.
func (c *comparer) stop() bool {
	return c.more || c.quiet && c.found >= c.limit || c.budget.exhausted()
}

// path is where in the body a comparison is: reference tokens, the last one first.
// Its text is only made for a difference.
type path struct {
	up    *path
	token string
	index int // when token is ""; a key may be empty too, then it is -1
}

func (p *path) key(k string) *path { return &path{up: p, token: k, index: -1} }

func (p *path) at(i int) *path { return &path{up: p, index: i} }

var escaper = strings.NewReplacer("~", "~0", "/", "~1")

func (p *path) appendTo(dst []byte) []byte {
	if p == nil {
		return dst
	}
	dst = append(p.up.appendTo(dst), '/')
	if p.index >= 0 {
		return strconv.AppendInt(dst, int64(p.index), 10)
	}
	return append(dst, escaper.Replace(p.token)...)
}

// report notes a difference. a or b is nil where there is nothing.
func (c *comparer) report(kind Kind, p *path, a, b *value) {
	c.found++
	if c.quiet {
		return
	}
	if len(c.out) >= c.limit {
		c.more = true
		return
	}
	d := Difference{Part: Body, Kind: kind, Path: Shorten(string(p.appendTo(nil)), shown)}
	hidden := isUnderSecret(p)
	if a != nil {
		d.Baseline = show(a, hidden)
	}
	if b != nil {
		d.Shadow = show(b, hidden)
	}
	c.out = append(c.out, d)
}

// value compares two values at a place.
func (c *comparer) value(s scope, p *path, a, b *value) {
	if !c.budget.spend() || c.stop() || s.ignores() {
		return
	}
	if a.kind != b.kind {
		c.report(Changed, p, a, b)
		return
	}
	switch a.kind {
	case object:
		c.object(s, p, a, b)
	case array:
		c.array(s, p, a, b)
	case number:
		if !sameNumber(s, a.text, b.text) {
			c.report(Changed, p, a, b)
		}
	default:
		if a.text != b.text {
			c.report(Changed, p, a, b)
		}
	}
}

func sameNumber(s scope, a, b string) bool {
	if a == b || decimalOf(a) == decimalOf(b) {
		return true
	}
	tolerance := s.tolerance()
	return tolerance != nil && isWithin(a, b, tolerance)
}

// object compares members by their names. Of a name that comes twice the first is
// compared with the first, the second with the second.
func (c *comparer) object(s scope, p *path, a, b *value) {
	inOrder := len(a.keys) == len(b.keys)
	for i := 0; inOrder && i < len(a.keys); i++ {
		inOrder = a.keys[i] == b.keys[i]
	}
	if inOrder {
		for i, key := range a.keys {
			c.value(s.down(key), p.key(key), &a.items[i], &b.items[i])
		}
		return
	}
	others := make(map[string][]int, len(b.keys))
	for i, key := range b.keys {
		others[key] = append(others[key], i)
	}
	for i, key := range a.keys {
		left := others[key]
		if len(left) > 0 {
			others[key] = left[1:]
			c.value(s.down(key), p.key(key), &a.items[i], &b.items[left[0]])
			continue
		}
		c.alone(Missing, s.down(key), p.key(key), &a.items[i])
	}
	for i, key := range b.keys {
		if left := others[key]; len(left) > 0 && left[0] == i {
			others[key] = left[1:]
			c.alone(Extra, s.down(key), p.key(key), &b.items[i])
		}
	}
}

// alone reports what only one side has.
func (c *comparer) alone(kind Kind, s scope, p *path, v *value) {
	if !c.budget.spend() || c.stop() || s.ignores() {
		return
	}
	if kind == Missing {
		c.report(kind, p, v, nil)
		return
	}
	c.report(kind, p, nil, v)
}
