package config

import (
	"fmt"
	"sort"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Errors is everything wrong with a file, in the order of its lines, so that a
// person mends all of it at once.
type Errors []Problem

// Problem is one thing wrong with a file.
type Problem struct {
	File   string
	Line   int
	Field  string // as in routes[3].owner
	Detail string
}

// Error is one line for each problem.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, p := range e {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// String is file, line, field and what is wrong.
func (p Problem) String() string {
	if p.Field == "" {
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Detail)
	}
	return fmt.Sprintf("%s:%d: %s: %s", p.File, p.Line, p.Field, p.Detail)
}

// collector gathers problems while a file is walked, and remembers where each
// field stood for the checks that need the whole file.
type collector struct {
	file     string
	problems Errors
	at       map[string]*yaml.Node
}

func (c *collector) add(node *yaml.Node, field, format string, args ...any) {
	line := 1
	if node != nil && node.Line > 0 {
		line = node.Line
	}
	c.problems = append(c.problems, Problem{c.file, line, field, fmt.Sprintf(format, args...)})
}

// wrong adds a problem of a field at the line where it stands, or where what it
// would stand in does.
func (c *collector) wrong(field, format string, args ...any) {
	at := field
	for c.at[at] == nil && at != "" {
		at = at[:max(strings.LastIndexAny(at, ".["), 0)]
	}
	c.add(c.at[at], field, format, args...)
}

func (c *collector) err() error {
	if len(c.problems) == 0 {
		return nil
	}
	sort.SliceStable(c.problems, func(i, j int) bool { return c.problems[i].Line < c.problems[j].Line })
	return c.problems
}
