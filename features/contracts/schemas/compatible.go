package schemas

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Breaks says what somebody could not read if old became today: a consumer of old
// events by today's types (the log is read again from its start), or a consumer that
// was built for old and gets today's. Nil means that both can. Fields may be added if
// they are not required, and open lists of values may grow; all else is refused.
func Breaks(old, today *Schema) []string {
	c := comparison{old: old, today: today}
	c.compare("", old, today)
	return c.found
}

type comparison struct {
	old, today *Schema
	found      []string
	depth      int
}

func (c *comparison) say(path, format string, args ...any) {
	if path == "" {
		path = "the event"
	}
	c.found = append(c.found, path+" "+fmt.Sprintf(format, args...))
}

// follow resolves a reference into the definitions.
func follow(root, s *Schema) *Schema {
	name, ok := strings.CutPrefix(s.Ref, "#/$defs/")
	if !ok || root.Defs[name] == nil {
		return s
	}
	return root.Defs[name]
}

// deepest bounds types that hold themselves.
const deepest = 20

func (c *comparison) compare(path string, old, today *Schema) {
	if c.depth == deepest {
		return
	}
	c.depth++
	defer func() { c.depth-- }()
	old, today = follow(c.old, old), follow(c.today, today)
	if old.Type != today.Type {
		c.say(path, "changed its type from %s to %s", old.Type, today.Type)
		return
	}
	if rule(old) != rule(today) {
		c.say(path, "changed its rule from (%s) to (%s)", rule(old), rule(today))
	}
	c.values(path, old, today)
	for _, name := range slices.Sorted(maps.Keys(old.Properties)) {
		inner := strings.TrimPrefix(path+"."+name, ".")
		if today.Properties[name] == nil {
			c.say(inner, "is gone, or has another name: add the new one beside it")
			continue
		}
		c.compare(inner, old.Properties[name], today.Properties[name])
	}
	c.required(path, old, today)
	if old.Items != nil && today.Items != nil {
		c.compare(path+"[]", old.Items, today.Items)
	}
}

func rule(s *Schema) string {
	parts := []string{}
	for name, value := range map[string]string{"format": s.Format, "pattern": s.Pattern, "minimum": number(s.Minimum), "minLength": number(s.MinLength)} {
		if value != "" {
			parts = append(parts, name+" "+value)
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

func number(n *int) string {
	if n == nil {
		return ""
	}
	return fmt.Sprint(*n)
}

// values: a closed list stays as it is. What it loses is in old events; what it gains
// is nothing that an old consumer knows what to do with.
func (c *comparison) values(path string, old, today *Schema) {
	if (old.Enum == nil) != (today.Enum == nil) {
		c.say(path, "changed between a closed list of values and an open one")
		return
	}
	for _, value := range missing(old.Enum, today.Enum) {
		c.say(path, "can't be %q any more, which old events are", value)
	}
	for _, value := range missing(today.Enum, old.Enum) {
		c.say(path, "can be %q, which old consumers don't know: the list is closed", value)
	}
	for _, value := range missing(old.Known, today.Known) {
		c.say(path, "can't be %q any more, which old events are", value)
	}
}

func (c *comparison) required(path string, old, today *Schema) {
	for _, name := range missing(today.Required, old.Required) {
		c.say(strings.TrimPrefix(path+"."+name, "."), "is required now, and old events don't have it")
	}
	for _, name := range missing(old.Required, today.Required) {
		if today.Properties[name] != nil {
			c.say(strings.TrimPrefix(path+"."+name, "."), "may be missing now, and old consumers count on it")
		}
	}
}

// missing are the elements of all that are not in some.
func missing(all, some []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(s string) bool { return slices.Contains(some, s) })
}
