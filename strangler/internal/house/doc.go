// Package house holds the rules of the house as tests: who may import whom, and
// which library stays where. It has no code of its own. The rules are the table in
// imports_test.go; docs/architecture.md says why they are so.
package house
