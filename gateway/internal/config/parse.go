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
		line, detail := syntaxError(err, text)
		c.add(&yaml.Node{Line: line}, "", "%s", detail)
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

// Errors of document beside the library's.
var (
	errEmpty = errors.New("the file is empty; it needs owners and routes")
	errMore  = errors.New("one document is read; remove what follows ---")
)

func document(text []byte) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var doc, more yaml.Node
	err := decoder.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return nil, errEmpty
	}
	if err != nil {
		return nil, err
	}
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errMore
	}
	return resolve(doc.Content[0]), nil
}

var (
	lineInError = regexp.MustCompile(`^yaml: line (\d+): `)
	// The library counts lines from 0 in what its parser finds, and from 1 in what
	// its scanner finds.
	fromZero = regexp.MustCompile(`did not find expected (node content|key|'-'|',' or|<document start>)`)
)

// syntaxError takes the library's error apart: it has no field for the line. The
// end of the text counts as its last line.
func syntaxError(err error, text []byte) (line int, detail string) {
	if errors.Is(err, errEmpty) || errors.Is(err, errMore) {
		return 1, err.Error()
	}
	line, detail = 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := lineInError.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
		detail = strings.TrimPrefix(err.Error(), m[0])
		if fromZero.MatchString(detail) {
			line++
		}
	}
	last := 1 + bytes.Count(bytes.TrimRight(text, "\r\n"), []byte("\n"))
	return min(line, last), "this is no YAML: " + detail
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
		"revision":  r.revision,
		"clients":   r.clients,
		"identity":  r.identity,
		"owners":    r.owners,
		"resources": r.resources,
		"routes":    func(v *yaml.Node, f string) { r.each(v, f, r.route) },
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
