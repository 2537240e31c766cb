// Package features is the root of the business, written once. Each folder below
// is one feature: it owns tables, routes and rules, declares what it needs from
// others as ports, and is hosted by whoever wires it: the monolith hosts all of
// them in one process, a service hosts one.
package features
