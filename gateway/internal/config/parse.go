package config

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Parse reads and checks a configuration. The name stands in the errors, which
// are of type Errors: every problem of the file at once. JSON is YAML too.
func Parse(name string, text []byte) (*Config, error) {
	c := &collector{file: name, at: map[string]*yaml.Node{}}
	root, err := document(text)
	if err != nil {
		c.add(&yaml.Node{Line: yamlLine(err)}, "", "%s", strings.TrimPrefix(err.Error(), "yaml: "))
		return nil, c.err()
	}
	r := reader{collector: c, config: &Config{Source: bytes.Clone(text)}}
	r.root(root)
	r.check()
	if err := c.err(); err != nil {
		return nil, err
	}
	return r.config, nil
}

func document(text []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return nil, errors.New("the file is empty; it needs owners and routes")
	}
	if err != nil {
		return nil, err
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("one document is read; remove what follows ---")
	}
	return resolve(doc.Content[0]), nil
}

var lineInError = regexp.MustCompile(`line (\d+)`)

// yamlLine finds the line in the parser's error: it has no field for it.
func yamlLine(err error) int {
	if m := lineInError.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			return n
		}
	}
	return 1
}

// reader builds a Config.
type reader struct {
	*collector
	config *Config
	keys   []keyAt
}

func (r *reader) root(node *yaml.Node) {
	r.at[""] = node
	r.fields(node, "", fieldReaders{
		"revision": r.revision,
		"clients":  r.clients,
		"owners":   r.owners,
		"routes":   func(v *yaml.Node, f string) { r.each(v, f, r.route) },
	})
	slices.SortFunc(r.config.Owners, func(a, b Owner) int { return strings.Compare(a.Name, b.Name) })
}

func (r *reader) revision(node *yaml.Node, field string) {
	n, ok := wholeNumber(node)
	if !ok {
		r.add(node, field, "%q must be a whole number that isn't negative", node.Value)
		return
	}
	r.config.Revision = n
}

func names[V any](known map[string]V) string {
	return strings.Join(slices.Sorted(maps.Keys(known)), ", ")
}

// IsName tells whether s may name an owner or a replica: 1 to 128 letters, digits
// and any of - _ . :
func IsName(s string) bool {
	return s != "" && len(s) <= maxName && strings.IndexFunc(s, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("-_.:", c)
	}) < 0
}

// isToken tells whether s may name a method, a header or a cookie (RFC 9110,
// section 5.6.2).
func isToken(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool {
		return c <= ' ' || c > '~' || strings.ContainsRune("()<>@,;:\\\"/[]?={}", c)
	}) < 0
}
