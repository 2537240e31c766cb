package ramp

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Policy is what a gateway's file says of one route, as far as a ramp minds.
type Policy struct {
	Revision int64 // 0 in a file that doesn't number itself
	Owner    string
	Canary   string // the other owner
	Share    Share
}

// Lookup reads a route's policy from a gateway's file. The error names the routes
// that there are, or what the route lacks.
func Lookup(text []byte, route string) (Policy, error) {
	d, err := parse(text)
	if err != nil {
		return Policy{}, err
	}
	n, err := d.route(route)
	if err != nil {
		return Policy{}, err
	}
	p := Policy{Owner: scalar(n, "owner"), Canary: scalar(child(n, "canary"), "owner")}
	if resource := scalar(n, "resource"); resource != "" {
		if owned, err := d.resource(resource); err == nil {
			p.Owner = scalar(owned, "owner")
		}
	}
	if p.Canary == "" {
		return p, fmt.Errorf("route %q has no canary: write canary: {owner: ..., percent: 0, by: user} there first", route)
	}
	if percent := child(child(n, "canary"), "percent"); percent != nil {
		if p.Share, err = ParseShare(percent.Value); err != nil {
			return p, fmt.Errorf("canary.percent of route %q, line %d: %w", route, percent.Line, err)
		}
	}
	if revision := child(d.root, "revision"); revision != nil {
		if p.Revision, err = strconv.ParseInt(revision.Value, 10, 64); err != nil {
			return p, fmt.Errorf("revision, line %d: %q is no whole number", revision.Line, revision.Value)
		}
	}
	return p, nil
}

// Edit changes a route's canary.percent and the file's revision, and nothing else:
// every other byte stays, comments, order and quotes among them. What is missing of
// the two is added.
func Edit(text []byte, route string, share Share, revision int64) ([]byte, error) {
	if _, err := Lookup(text, route); err != nil {
		return nil, err
	}
	canary := func(d *file) *yaml.Node {
		n, _ := d.route(route) // Lookup has found it
		return child(n, "canary")
	}
	out, err := set(text, canary, "percent", share.Percent())
	if err != nil {
		return nil, err
	}
	if out, err = set(out, func(d *file) *yaml.Node { return d.root }, "revision", strconv.FormatInt(revision, 10)); err != nil {
		return nil, err
	}
	got, err := Lookup(out, route)
	if err != nil {
		return nil, fmt.Errorf("the edited file can't be read: %w; write canary.percent and revision on lines of their own", err)
	}
	if got.Share != share || got.Revision != revision {
		return nil, fmt.Errorf("the edited file would say %s at revision %d; write canary.percent and revision on lines of their own", got.Share, got.Revision)
	}
	return out, nil
}

// file is a parsed gateway's file.
type file struct{ root *yaml.Node }

func parse(text []byte) (*file, error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("parse the gateway's file: %w", err)
	}
	if len(doc.Content) == 0 || doc.Content[0].Kind != yaml.MappingNode {
		return nil, fmt.Errorf("the gateway's file holds no mapping: it needs owners and routes")
	}
	return &file{root: doc.Content[0]}, nil
}

func (d *file) route(name string) (*yaml.Node, error) {
	var known []string
	if routes := child(d.root, "routes"); routes != nil {
		for _, item := range routes.Content {
			n := resolve(item)
			is := routeName(n)
			if is == name {
				return n, nil
			}
			known = append(known, strconv.Quote(is))
		}
	}
	return nil, fmt.Errorf("there is no route %q: the file has %s", name, strings.Join(known, ", "))
}

// RouteNames lists the routes of a gateway's file, in its order.
func RouteNames(text []byte) ([]string, error) {
	d, err := parse(text)
	if err != nil {
		return nil, err
	}
	var names []string
	if routes := child(d.root, "routes"); routes != nil {
		for _, item := range routes.Content {
			names = append(names, routeName(resolve(item)))
		}
	}
	return names, nil
}

// routeName is what the gateway calls a route: its name, else its methods and
// pattern, as in "GET,HEAD /a/*".
func routeName(n *yaml.Node) string {
	if name := scalar(n, "name"); name != "" {
		return name
	}
	match := child(n, "match")
	var methods []string
	if list := child(match, "methods"); list != nil {
		for _, m := range list.Content {
			methods = append(methods, m.Value)
		}
	}
	if len(methods) == 0 {
		return scalar(match, "path")
	}
	return strings.Join(methods, ",") + " " + scalar(match, "path")
}

func child(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return resolve(n.Content[i+1])
		}
	}
	return nil
}

func scalar(n *yaml.Node, key string) string {
	if c := child(n, key); c != nil && c.Kind == yaml.ScalarNode {
		return c.Value
	}
	return ""
}

func resolve(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

// set writes a key's value in a mapping, by replacing the text of the old value or
// by a new entry before the first one.
func set(text []byte, find func(*file) *yaml.Node, key, value string) ([]byte, error) {
	d, err := parse(text)
	if err != nil {
		return nil, err
	}
	mapping := find(d)
	if mapping == nil || len(mapping.Content) == 0 {
		return nil, fmt.Errorf("%s can't be set: its mapping is empty", key)
	}
	if old := child(mapping, key); old != nil {
		from, to, err := token(text, old)
		if err != nil {
			return nil, fmt.Errorf("%s can't be set: %w", key, err)
		}
		return bytes.Join([][]byte{text[:from], []byte(value), text[to:]}, nil), nil
	}
	first := mapping.Content[0]
	at := offset(text, first.Line, first.Column)
	entry := key + ": " + value + ", "
	if mapping.Style&yaml.FlowStyle == 0 {
		entry = key + ": " + value + "\n" + strings.Repeat(" ", first.Column-1)
	} else if first.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0 {
		entry = strconv.Quote(key) + ": " + value + ", " // JSON
	}
	return bytes.Join([][]byte{text[:at], []byte(entry), text[at:]}, nil), nil
}

// token is where a scalar stands in the text.
func token(text []byte, n *yaml.Node) (from, to int, err error) {
	from = offset(text, n.Line, n.Column)
	raw := n.Value
	switch {
	case n.Anchor != "" || n.Kind != yaml.ScalarNode:
		return 0, 0, fmt.Errorf("line %d holds no plain number", n.Line)
	case n.Style&yaml.DoubleQuotedStyle != 0:
		raw = `"` + n.Value + `"`
	case n.Style&yaml.SingleQuotedStyle != 0:
		raw = "'" + n.Value + "'"
	}
	if !bytes.HasPrefix(text[from:], []byte(raw)) {
		return 0, 0, fmt.Errorf("line %d is not what it seems", n.Line)
	}
	return from, from + len(raw), nil
}

// offset is where a line and column are, both from 1; columns count characters.
func offset(text []byte, line, column int) int {
	at := 0
	for ; line > 1; line-- {
		next := bytes.IndexByte(text[at:], '\n')
		if next < 0 {
			return len(text)
		}
		at += next + 1
	}
	for ; column > 1 && at < len(text); column-- {
		_, size := utf8.DecodeRune(text[at:])
		at += size
	}
	return at
}
