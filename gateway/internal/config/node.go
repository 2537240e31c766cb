package config

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// fields walks a mapping: each key must be one of the known ones and occur once.
// The handler of a key gets its value and the value's full field name.
func (c *collector) fields(node *yaml.Node, at string, known map[string]func(value *yaml.Node, field string)) {
	if node.Kind != yaml.MappingNode {
		c.add(node, at, "must be a mapping of %s", names(known))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], resolve(node.Content[i+1])
		field := join(at, key.Value)
		read, ok := known[key.Value]
		switch {
		case !ok:
			c.add(key, field, "is no field here; known: %s", names(known))
		case seen[key.Value]:
			c.add(key, field, "is given twice")
		default:
			seen[key.Value] = true
			read(value, field)
		}
	}
}

// each walks a list.
func (c *collector) each(node *yaml.Node, at string, read func(item *yaml.Node, field string)) {
	if node.Kind != yaml.SequenceNode {
		c.add(node, at, "must be a list")
		return
	}
	for i, item := range node.Content {
		read(resolve(item), at+"["+strconv.Itoa(i)+"]")
	}
}

func (c *collector) text(node *yaml.Node, field string, into *string) {
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		c.add(node, field, "must be a text")
		return
	}
	*into = node.Value
}

func (c *collector) number(node *yaml.Node, field string, into *int64) {
	n, err := strconv.ParseInt(node.Value, 10, 64)
	if node.Kind != yaml.ScalarNode || err != nil || n < 0 {
		c.add(node, field, "%q must be a whole number that isn't negative", node.Value)
		return
	}
	*into = n
}

func (c *collector) duration(node *yaml.Node, field string, into *time.Duration) {
	d, err := time.ParseDuration(node.Value)
	if node.Kind != yaml.ScalarNode || err != nil || d <= 0 {
		c.add(node, field, "%q must be a duration above 0, as in 500ms or 15s", node.Value)
		return
	}
	*into = d
}

// size reads bytes, with an optional KiB, MiB or GiB behind the number.
func (c *collector) size(node *yaml.Node, field string, into *int64) {
	digits, unit := node.Value, int64(1)
	for suffix, bytes := range map[string]int64{"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30} {
		if rest, ok := strings.CutSuffix(digits, suffix); ok {
			digits, unit = strings.TrimSpace(rest), bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if node.Kind != yaml.ScalarNode || err != nil || n <= 0 || n > math.MaxInt64/unit {
		c.add(node, field, "%q must be a size above 0, as in 4096 or 5MiB", node.Value)
		return
	}
	*into = n * unit
}

// http reads the URL of an application: http, a host, and nothing behind it,
// because the gateway forwards paths as they are.
func (c *collector) http(node *yaml.Node, field string, into **url.URL) {
	u, err := url.Parse(node.Value)
	switch {
	case node.Kind != yaml.ScalarNode || err != nil:
		c.add(node, field, "%q is no URL; write http://host:port", node.Value)
	case u.Scheme != "http":
		c.add(node, field, "%q must begin with http://; owners stand behind the gateway, in its own network", node.Value)
	case u.Hostname() == "":
		c.add(node, field, "%q has no host; write http://host:port", node.Value)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Path != "" && u.Path != "/"):
		c.add(node, field, "%q must be http://host:port and nothing more; paths are forwarded as they are", node.Value)
	case u.Port() != "" && !isPort(u.Port()):
		c.add(node, field, "%q has no usable port; ports are 1 to 65535", node.Value)
	default:
		*into = &url.URL{Scheme: "http", Host: withPort(u)}
	}
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && n > 0 && n < 65536
}

func withPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return u.Host + ":80"
}

// resolve follows an alias to what it names.
func resolve(node *yaml.Node) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	return node
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}
