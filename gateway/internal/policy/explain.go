package policy

import (
	"maps"
	"slices"
)

// What tools ask that explain a configuration instead of serving it. None of it is
// on a request's way.

// InOrder returns the routes so that of two that take the same request the first
// one answers it.
func (t *Table) InOrder() []*Route {
	routes := make([]*Route, 0, len(t.Routes))
	t.tree.walk(func(r *Route) {
		if !slices.Contains(routes, r) { // a route stands once for each of its methods
			routes = append(routes, r)
		}
	})
	return routes
}

// walk visits the routes as find tries them.
func (n *node) walk(visit func(*Route)) {
	n.here.walk(visit)
	for _, segment := range slices.Sorted(maps.Keys(n.literal)) {
		n.literal[segment].walk(visit)
	}
	if n.wild != nil {
		n.wild.walk(visit)
	}
	n.tail.walk(visit)
}

func (l *leaf) walk(visit func(*Route)) {
	for _, m := range l.methods {
		visit(m.route)
	}
	if l.any != nil {
		visit(l.any)
	}
}

// TakesPath tells whether the route's pattern takes the canonical path, whatever
// the method. Whether the route answers depends on the others beside it.
func (r *Route) TakesPath(path []byte) bool {
	var alone node
	alone.insert(&Route{Pattern: r.Pattern})
	return alone.find(spelled(nil, path)[1:], nil, true) != nil
}

// TakesMethod tells whether the route is for the method.
func (r *Route) TakesMethod(method string) bool {
	return len(r.Methods) == 0 || slices.Contains(r.Methods, method)
}

// Trust gives the table the key of testers' tokens without opening it.
func (t *Table) Trust(override []byte) { t.override = override }
