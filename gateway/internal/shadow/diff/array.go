package diff

// Bounds of what is done to tell differences well. Beyond them elements are
// compared in their order.
const (
	maxAligned = 1 << 16 // elements of one side times those of the other
	maxClosest = 8       // elements of each side whose likeness is measured
	maxLikely  = 16      // differences up to which likeness is told apart
)

// elements are those of an array that are not ignored.
type elements struct {
	of    *value
	index []int
}

func elementsOf(s scope, v *value) elements {
	e := elements{of: v, index: make([]int, 0, len(v.items))}
	for i := range v.items {
		if !s.at(i).ignores() {
			e.index = append(e.index, i)
		}
	}
	return e
}

func (e elements) len() int { return len(e.index) }

func (e elements) value(i int) *value { return &e.of.items[e.index[i]] }

func (e elements) part(from, to int) elements { return elements{e.of, e.index[from:to]} }

// pick is the elements at those places.
func (e elements) pick(places []int) elements {
	out := elements{of: e.of}
	for _, i := range places {
		out.index = append(out.index, e.index[i])
	}
	return out
}

// arrays is the comparison of two arrays.
type arrays struct {
	*comparer
	scope scope
	path  *path
	a, b  elements
}

func (c *comparer) array(s scope, p *path, a, b *value) {
	x := arrays{c, s, p, elementsOf(s, a), elementsOf(s, b)}
	if s.unordered() {
		x.multiset()
		return
	}
	if c.quiet { // to look for the best alignment at each depth would cost powers of it
		x.inStep()
		return
	}
	x.sequence()
}

// pair compares an element of one side with one of the other.
func (x *arrays) pair(i, j int) {
	x.value(x.scope.at(x.a.index[i]), x.path.at(x.a.index[i]), x.a.value(i), x.b.value(j))
}

func (x *arrays) isSame(i, j int) bool {
	return x.same(x.scope.at(x.a.index[i]), x.a.value(i), x.b.value(j))
}

func (x *arrays) missing(i int) {
	x.alone(Missing, nil, x.path.at(x.a.index[i]), x.a.value(i))
}

func (x *arrays) extra(j int) { x.alone(Extra, nil, x.path.at(x.b.index[j]), x.b.value(j)) }

// inStep compares element by element.
func (x *arrays) inStep() {
	n := min(x.a.len(), x.b.len())
	for i := range n {
		x.pair(i, i)
	}
	for i := n; i < x.a.len(); i++ {
		x.missing(i)
	}
	for j := n; j < x.b.len(); j++ {
		x.extra(j)
	}
}

// sequence compares arrays whose order counts. What is the same at both ends is
// put aside; the rest is aligned, so that one element more doesn't make all that
// follow it different.
func (x *arrays) sequence() {
	from := 0
	for from < min(x.a.len(), x.b.len()) && x.isSame(from, from) {
		from++
	}
	toA, toB := x.a.len(), x.b.len()
	for toA > from && toB > from && x.isSame(toA-1, toB-1) {
		toA--
		toB--
	}
	if x.stop() {
		return
	}
	rest := *x
	rest.a, rest.b = x.a.part(from, toA), x.b.part(from, toB)
	switch {
	case rest.a.len() == 0 || rest.b.len() == 0:
		rest.inStep()
	case rest.a.len() == rest.b.len() && rest.a.len() > 1 && rest.isShuffled():
		x.report(Order, x.path, x.a.of, x.b.of)
	case rest.a.len()*rest.b.len() > maxAligned:
		rest.inStep()
	default:
		rest.align()
	}
}

// isShuffled tells whether both sides have the same elements.
func (x *arrays) isShuffled() bool {
	leftA, leftB := x.match()
	return len(leftA) == 0 && len(leftB) == 0
}

// align finds the longest common subsequence, by the classic table, and compares
// what lies between its elements.
func (x *arrays) align() {
	hashA, hashB := x.hashes(x.a), x.hashes(x.b)
	n, m := x.a.len(), x.b.len()
	// length[i][j] is of the subsequence common to a[i:] and b[j:].
	length := make([][]uint32, n+1)
	for i := range length {
		length[i] = make([]uint32, m+1)
	}
	for i := n - 1; i >= 0; i-- {
		for j := m - 1; j >= 0; j-- {
			if hashA[i] == hashB[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	fromA, fromB := 0, 0
	for i, j := 0, 0; i < n || j < m; {
		switch {
		case i < n && j < m && hashA[i] == hashB[j]:
			x.gap(fromA, i, fromB, j)
			x.pair(i, j)
			i, j = i+1, j+1
			fromA, fromB = i, j
		case j == m || i < n && length[i+1][j] >= length[i][j+1]:
			i++
		default:
			j++
		}
	}
	x.gap(fromA, n, fromB, m)
}

// gap compares what stands on both sides between two elements that they share.
func (x *arrays) gap(fromA, toA, fromB, toB int) {
	between := *x
	between.a, between.b = x.a.part(fromA, toA), x.b.part(fromB, toB)
	between.pairUp()
}

// multiset compares arrays whose order doesn't count.
func (x *arrays) multiset() {
	leftA, leftB := x.match()
	rest := *x
	rest.a, rest.b = x.a.pick(leftA), x.b.pick(leftB)
	rest.pairUp()
}

// pairUp compares elements that have no equal on the other side: first those with
// the same identity, then those that are most alike. What then is left on one side
// is missing or extra.
func (x *arrays) pairUp() {
	if x.quiet {
		x.inStep()
		return
	}
	takenA, takenB := make([]bool, x.a.len()), make([]bool, x.b.len())
	x.byIdentity(takenA, takenB)
	leftA, leftB := untaken(takenA), untaken(takenB)
	rest := *x
	rest.a, rest.b = x.a.pick(leftA), x.b.pick(leftB)
	if max(len(leftA), len(leftB)) > maxClosest {
		rest.inStep()
		return
	}
	rest.closest()
}

func untaken(taken []bool) []int {
	var left []int
	for i, t := range taken {
		if !t {
			left = append(left, i)
		}
	}
	return left
}

// identities are the members that objects are told apart by, the best one first.
var identities = [...]string{"id", "uuid", "key", "slug", "name"}

func identity(v *value) string {
	if v.kind != object {
		return ""
	}
	for _, name := range identities {
		for i, key := range v.keys {
			if key == name && v.items[i].text != "" {
				return name + "=" + v.items[i].text
			}
		}
	}
	return ""
}

func (x *arrays) byIdentity(takenA, takenB []bool) {
	known := map[string]int{}
	for j := range x.b.len() {
		if id := identity(x.b.value(j)); id != "" {
			known[id] = j
		}
	}
	for i := range x.a.len() {
		id := identity(x.a.value(i))
		if j, ok := known[id]; ok && id != "" && !takenB[j] {
			takenA[i], takenB[j] = true, true
			x.pair(i, j)
		}
	}
}

// closest pairs the two with the fewest differences, again and again.
func (x *arrays) closest() {
	takenA, takenB := make([]bool, x.a.len()), make([]bool, x.b.len())
	apart := make([][]int, x.a.len())
	if single := x.a.len() == 1 && x.b.len() == 1; !single && x.b.len() > 0 {
		for i := range apart {
			for j := range x.b.len() {
				apart[i] = append(apart[i], x.distance(x.scope.at(x.a.index[i]), x.a.value(i), x.b.value(j), maxLikely))
			}
		}
	} else if single {
		apart[0] = []int{0}
	}
	for range min(x.a.len(), x.b.len()) {
		i, j := nearest(apart, takenA, takenB)
		takenA[i], takenB[j] = true, true
		x.pair(i, j)
	}
	for _, i := range untaken(takenA) {
		x.missing(i)
	}
	for _, j := range untaken(takenB) {
		x.extra(j)
	}
}

func nearest(apart [][]int, takenA, takenB []bool) (i, j int) {
	i = -1
	for x := range apart {
		for y := range apart[x] {
			if !takenA[x] && !takenB[y] && (i < 0 || apart[x][y] < apart[i][j]) {
				i, j = x, y
			}
		}
	}
	return i, j
}
