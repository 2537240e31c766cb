package steps

import (
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// reader walks YAML nodes, which know their lines. It keeps the first error: what
// follows from it is noise.
type reader struct {
	file  string
	err   error
	later []func(map[string]Process) // checks that need all processes
}

func (r *reader) fail(n *yaml.Node, format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%s:%d: %s", r.file, n.Line, fmt.Sprintf(format, args...))
	}
}

// document parses content and hands its top mapping to fields.
func (r *reader) document(content []byte, known map[string]func(*yaml.Node)) {
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil {
		r.err = fmt.Errorf("%s: %w", r.file, err)
		return
	}
	if len(doc.Content) == 0 {
		r.err = fmt.Errorf("%s:1: the file is empty", r.file)
		return
	}
	r.fields(doc.Content[0], "the file", known)
}

// fields calls for each key of a mapping the function of that name; a key that is
// unknown or stands twice is an error.
func (r *reader) fields(n *yaml.Node, what string, known map[string]func(*yaml.Node)) {
	seen := map[string]bool{}
	r.pairs(n, what, func(key, value *yaml.Node) {
		read, ok := known[key.Value]
		switch {
		case !ok:
			r.fail(key, "unknown field %q in %s: use one of %s", key.Value, what, strings.Join(sorted(known), ", "))
		case seen[key.Value]:
			r.fail(key, "field %q stands twice in %s: remove one", key.Value, what)
		default:
			seen[key.Value] = true
			read(value)
		}
	})
}

// pairs calls f for each key and value of a mapping, in the order of the file.
func (r *reader) pairs(n *yaml.Node, what string, f func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		r.fail(n, "%s is %s: write name: value lines", what, describe(n))
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		f(n.Content[i], n.Content[i+1])
	}
}

func (r *reader) items(n *yaml.Node, what string, f func(*yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		r.fail(n, "%s is %s: write a list", what, describe(n))
		return
	}
	for _, item := range n.Content {
		f(item)
	}
}

func (r *reader) text(n *yaml.Node, field string) string {
	if n.Kind != yaml.ScalarNode || n.Value == "" {
		r.fail(n, "%s is %s: write a text", field, describe(n))
		return ""
	}
	return n.Value
}

func (r *reader) texts(n *yaml.Node, field string) []string {
	var all []string
	r.items(n, field, func(item *yaml.Node) { all = append(all, r.text(item, field)) })
	return all
}

func (r *reader) number(n *yaml.Node, field string, least, most int) int {
	v, err := strconv.Atoi(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil || v < least || v > most {
		r.fail(n, "%s is %s: write a whole number from %d to %d", field, describe(n), least, most)
	}
	return v
}

func (r *reader) yes(n *yaml.Node, field string) bool {
	v, err := strconv.ParseBool(n.Value)
	if n.Kind != yaml.ScalarNode || err != nil {
		r.fail(n, "%s is %s: write true or false", field, describe(n))
	}
	return v
}

func (r *reader) oneOf(n *yaml.Node, field string, choices ...string) string {
	v := r.text(n, field)
	if r.err == nil && !slices.Contains(choices, v) {
		r.fail(n, "%s is %q: use %s", field, v, strings.Join(choices, ", "))
	}
	return v
}

func describe(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	default:
		if n.Value == "" {
			return "empty"
		}
		return strconv.Quote(n.Value)
	}
}

func sorted[T any](m map[string]T) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
