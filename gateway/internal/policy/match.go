package policy

import (
	"bytes"
	"slices"
	"strings"
)

// node is one segment of the tree of patterns.
type node struct {
	literal map[string]*node
	wild    *node
	here    leaf // patterns that end at this segment
	tail    leaf // patterns that end in /* after this segment
}

type leaf struct {
	methods []methodRoute
	any     *Route
}

type methodRoute struct {
	method string
	route  *Route
}

func (n *node) insert(r *Route) {
	at := n
	for segment := range strings.SplitSeq(r.Pattern[1:], "/") {
		switch {
		case segment == "*":
			at.tail.add(r)
			return
		case strings.HasPrefix(segment, "{"):
			if at.wild == nil {
				at.wild = &node{}
			}
			at = at.wild
		default:
			at = at.child(segment)
		}
	}
	at.here.add(r)
}

func (n *node) child(segment string) *node {
	if n.literal == nil {
		n.literal = map[string]*node{}
	}
	c := n.literal[segment]
	if c == nil {
		c = &node{}
		n.literal[segment] = c
	}
	return c
}

func (l *leaf) add(r *Route) {
	if len(r.Methods) == 0 {
		l.any = r
		return
	}
	for _, m := range r.Methods {
		l.methods = append(l.methods, methodRoute{m, r})
	}
	slices.SortFunc(l.methods, func(a, b methodRoute) int { return strings.Compare(a.method, b.method) })
}

func (l *leaf) pick(method []byte) *Route {
	for i := range l.methods {
		if l.methods[i].method == string(method) {
			return l.methods[i].route
		}
	}
	return l.any
}

// find returns the most specific route: a literal segment goes before a wildcard,
// a wildcard before a tail, from the left. more tells whether a segment follows,
// which an empty rest can't.
func (n *node) find(rest, method []byte, more bool) *Route {
	if !more {
		if r := n.here.pick(method); r != nil {
			return r
		}
		return n.tail.pick(method)
	}
	segment, after, next := bytes.Cut(rest, slash)
	if c := n.literal[string(segment)]; c != nil {
		if r := c.find(after, method, next); r != nil {
			return r
		}
	}
	if n.wild != nil && len(segment) > 0 {
		if r := n.wild.find(after, method, next); r != nil {
			return r
		}
	}
	return n.tail.pick(method)
}

var slash = []byte{'/'}

// spelled is a canonical path as patterns are compared with it: %3A is a colon. What
// is forwarded keeps its escapes, since some applications sign them; but to most both
// are the same, and a route must not be walked around by escaping a letter of it.
// Escapes of what divides a path, and of what is no ASCII, stay.
//
// A path without escapes comes back as it is; else it is built in dst.
func spelled(dst, path []byte) []byte {
	if bytes.IndexByte(path, '%') < 0 {
		return path
	}
	out := dst[:0]
	for i := 0; i < len(path); i++ {
		c := path[i]
		if c == '%' && i+2 < len(path) {
			if d := byte(unhex(path[i+1])<<4 | unhex(path[i+2])); isOneLetter[d] {
				c, i = d, i+2
			}
		}
		out = append(out, c)
	}
	return out
}

// spelledRoom is as long as nearly every path; a longer one with escapes is built on
// the heap.
const spelledRoom = 256

// isOneLetter marks what an escape may stand for without dividing a path.
var isOneLetter = func() (t [256]bool) {
	for c := byte('!'); c < 0x7f; c++ {
		t[c] = !bytes.ContainsRune([]byte(`/;%\#?`), rune(c))
	}
	return t
}()
