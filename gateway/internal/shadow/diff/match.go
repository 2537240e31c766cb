package diff

import (
	"hash/maphash"
	"math/bits"
)

// match pairs elements of both sides that are the same, whatever their order, and
// returns what is left over of each. Elements are sorted into drawers by a hash that
// doesn't see what the rules let differ, so that only those in one drawer need be
// compared.
func (x *arrays) match() (leftA, leftB []int) {
	drawers := map[uint64]*drawer{}
	var order []uint64
	open := func(h uint64) *drawer {
		d := drawers[h]
		if d == nil {
			d = &drawer{}
			drawers[h] = d
			order = append(order, h)
		}
		return d
	}
	for i, h := range x.hashes(x.a) {
		d := open(h)
		d.a = append(d.a, i)
	}
	for j, h := range x.hashes(x.b) {
		d := open(h)
		d.b = append(d.b, j)
	}
	tolerant := x.tolerantElements()
	for _, h := range order {
		a, b := drawers[h].match(x, tolerant)
		leftA, leftB = append(leftA, a...), append(leftB, b...)
	}
	return leftA, leftB
}

// drawer holds the elements of both sides with one hash.
type drawer struct{ a, b []int }

// match returns what is left over. Where being the same is transitive any pairing
// is as good as another; where numbers may be a little off it isn't (1, 2 and 3 with
// a tolerance of 1), and the largest one is looked for.
func (d *drawer) match(x *arrays, tolerant bool) (leftA, leftB []int) {
	if tolerant {
		return newPairing(x, d).run()
	}
	n := 0
	for n < min(len(d.a), len(d.b)) && x.isSame(d.a[n], d.b[n]) {
		n++
	}
	return d.a[n:], d.b[n:]
}

// tolerantElements tells whether any number within the elements may be off.
func (x *arrays) tolerantElements() bool {
	for _, r := range x.scope {
		if r.any != nil && r.any.tolerant() {
			return true
		}
		for _, c := range r.children {
			if c.tolerant() {
				return true
			}
		}
	}
	return false
}

// pairing is a maximum matching in a bipartite graph by augmenting paths (Kuhn's
// algorithm). The budget bounds it.
type pairing struct {
	*arrays
	*drawer
	partner []int // of each of b, in a; -1 is none
	seen    []bool
}

func newPairing(x *arrays, d *drawer) *pairing {
	p := &pairing{arrays: x, drawer: d, partner: make([]int, len(d.b)), seen: make([]bool, len(d.b))}
	for j := range p.partner {
		p.partner[j] = -1
	}
	return p
}

func (p *pairing) run() (leftA, leftB []int) {
	for i := range p.drawer.a {
		clear(p.seen)
		if !p.place(i) {
			leftA = append(leftA, p.drawer.a[i])
		}
		if p.budget.exhausted() {
			return nil, nil
		}
	}
	for j, i := range p.partner {
		if i < 0 {
			leftB = append(leftB, p.drawer.b[j])
		}
	}
	return leftA, leftB
}

// place finds a partner for i, one that is free or whose own can take another. Its
// depth is bounded as the number of values is.
func (p *pairing) place(i int) bool {
	for j := range p.partner {
		if p.seen[j] || !p.isSame(p.drawer.a[i], p.drawer.b[j]) {
			continue
		}
		p.seen[j] = true
		if p.partner[j] < 0 || p.place(p.partner[j]) {
			p.partner[j] = i
			return true
		}
	}
	return false
}

func (x *arrays) hashes(e elements) []uint64 {
	out := make([]uint64, e.len())
	for i := range out {
		out[i] = x.hash(x.scope.at(e.index[i]), e.value(i))
	}
	return out
}

// hash is the same for values that are the same under the rules. What is unordered
// is added up.
func (c *comparer) hash(s scope, v *value) uint64 {
	if !c.budget.spend() || s.ignores() {
		return 0
	}
	h := uint64(v.kind) + 1
	switch v.kind {
	case number:
		return c.hashNumber(s, v.text)
	case array:
		unordered := s.unordered()
		for i := range v.items {
			below := s.at(i)
			switch {
			case below.ignores():
			case unordered:
				h += mix(c.hash(below, &v.items[i]))
			default:
				h = mix(h ^ c.hash(below, &v.items[i]))
			}
		}
		return mix(h)
	case object:
		return c.hashObject(s, v)
	}
	return mix(h ^ maphash.String(c.seed, v.text))
}

func (c *comparer) hashObject(s scope, v *value) uint64 {
	h := uint64(object) + 1
	for i, key := range v.keys {
		below := s.down(key)
		if below.ignores() {
			continue
		}
		h += mix(maphash.String(c.seed, key) ^ bits.RotateLeft64(c.hash(below, &v.items[i]), 1))
	}
	return mix(h)
}

func (c *comparer) hashNumber(s scope, spelling string) uint64 {
	if s.tolerance() != nil {
		return mix(uint64(number) + 1)
	}
	return mix(maphash.Comparable(c.seed, decimalOf(spelling)))
}

// mix spreads the bits of a hash, so that sums and sequences of them differ
// (the finalizer of SplitMix64).
func mix(h uint64) uint64 {
	h ^= h >> 30
	h *= 0xbf58476d1ce4e5b9
	h ^= h >> 27
	h *= 0x94d049bb133111eb
	return h ^ h>>31
}
