package config

import (
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// fields walks a mapping: each key must be one of the known ones and occur once.
// The reader of a key gets its value and the value's full field name. It returns
// the keys that were there, and remembers where their values stand.
func (c *collector) fields(node *yaml.Node, at string, known fieldReaders) (seen map[string]bool) {
	seen = map[string]bool{}
	if node.Kind != yaml.MappingNode {
		c.add(node, at, "must be a mapping of %s", names(known))
		return seen
	}
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
			c.at[field] = value
			read(value, field)
		}
	}
	return seen
}

type fieldReaders = map[string]func(value *yaml.Node, field string)

// each walks a list.
func (c *collector) each(node *yaml.Node, at string, read func(item *yaml.Node, field string)) {
	if node.Kind != yaml.SequenceNode {
		c.add(node, at, "must be a list")
		return
	}
	for i, item := range node.Content {
		field, value := at+"["+strconv.Itoa(i)+"]", resolve(item)
		c.at[field] = value
		read(value, field)
	}
}

// text reads what YAML takes for a text. It tells whether it was one: 1, true and
// 2024-01-01 are not until they stand in quotes.
func (c *collector) text(node *yaml.Node, field string, into *string) bool {
	switch {
	case node.Kind != yaml.ScalarNode || node.ShortTag() == "!!null":
		c.add(node, field, "must be a text")
	case node.ShortTag() != "!!str":
		c.add(node, field, "must be a text; put %s in quotes", node.Value)
	default:
		*into = node.Value
		return true
	}
	return false
}

// label reads a text that people and tools show: short, and without characters
// that no screen shows.
func (c *collector) label(node *yaml.Node, field string, into *string) bool {
	var s string
	if !c.text(node, field, &s) {
		return false
	}
	if !isLabel(s) {
		c.add(node, field, "%q must be 1 to %d bytes of printable text without blanks around it", s, maxName)
		return false
	}
	*into = s
	return true
}

// maxName is the longest name of anything, in bytes.
const maxName = 128

func isLabel(s string) bool {
	return s != "" && len(s) <= maxName && utf8.ValidString(s) && strings.TrimSpace(s) == s &&
		strings.IndexFunc(s, func(c rune) bool { return !unicode.IsPrint(c) }) < 0
}

// whole reads a whole number within bounds, both included.
func (c *collector) whole(node *yaml.Node, field string, low, high int, into *int) {
	n, ok := wholeNumber(node)
	if !ok || n < int64(low) || n > int64(high) {
		c.add(node, field, "%q must be a whole number from %d to %d", node.Value, low, high)
		return
	}
	*into = int(n)
}

// wholeNumber reads a number as people write it: no sign, no 0x, no leading 0.
func wholeNumber(node *yaml.Node) (int64, bool) {
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!int" || !isDecimal(node.Value) {
		return 0, false
	}
	n, err := strconv.ParseInt(node.Value, 10, 64)
	return n, err == nil
}

func isDecimal(s string) bool {
	return isDigits(s) && s != "" && (s[0] != '0' || s == "0")
}

func isDigits(s string) bool {
	return strings.IndexFunc(s, func(c rune) bool { return c < '0' || c > '9' }) < 0
}

// percent reads a share of at most two decimals into hundredths of a percent. It
// never goes through a float: 0.29 is 29 hundredths and not 28.
func (c *collector) percent(node *yaml.Node, field string, into *int) {
	whole, decimals, point := strings.Cut(node.Value, ".")
	number := node.Kind == yaml.ScalarNode && (node.ShortTag() == "!!int" || node.ShortTag() == "!!float")
	if !number || !isDecimal(whole) || len(whole) > 3 || !isDigits(decimals) || point && decimals == "" || len(decimals) > 2 {
		c.add(node, field, "%q must be a number from 0 to 100 with at most two decimals, as in 2.5", node.Value)
		return
	}
	hundredths, err := strconv.Atoi(whole + (decimals + "00")[:2])
	if err != nil || hundredths > WholeShare {
		c.add(node, field, "%q must be a number from 0 to 100 with at most two decimals, as in 2.5", node.Value)
		return
	}
	*into = hundredths
}

// yes reads true or false.
func (c *collector) yes(node *yaml.Node, field string, into *bool) {
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!bool" || node.Value != "true" && node.Value != "false" {
		c.add(node, field, "%q must be true or false", node.Value)
		return
	}
	*into = node.Value == "true"
}

func (c *collector) duration(node *yaml.Node, field string, into *time.Duration) {
	d, err := time.ParseDuration(node.Value)
	if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!str" || err != nil || d <= 0 {
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
			digits, unit = strings.TrimRight(rest, " "), bytes
			break
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	scalar := node.Kind == yaml.ScalarNode && (node.ShortTag() == "!!str" || node.ShortTag() == "!!int")
	if !scalar || !isDecimal(digits) || err != nil || n == 0 || n > math.MaxInt64/unit {
		c.add(node, field, "%q must be a size above 0, as in 4096 or 5MiB", node.Value)
		return
	}
	*into = n * unit
}

// port reads a port as a number or a text.
func (c *collector) port(node *yaml.Node, field string, into *string) {
	scalar := node.Kind == yaml.ScalarNode && (node.ShortTag() == "!!str" || node.ShortTag() == "!!int")
	if !scalar || !isPort(node.Value) {
		c.add(node, field, "%q is no port; ports are 1 to 65535", node.Value)
		return
	}
	*into = node.Value
}

// path reads the path of a URL that the gateway itself asks.
func (c *collector) path(node *yaml.Node, field string, into *string) {
	var s string
	if !c.text(node, field, &s) {
		return
	}
	outside := func(r rune) bool { return r <= ' ' || r > '~' }
	if !strings.HasPrefix(s, "/") || strings.ContainsFunc(s, outside) {
		c.add(node, field, "%q must begin with / and hold neither blanks nor characters outside ASCII", s)
		return
	}
	*into = s
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
	case u.User != nil || strings.ContainsAny(node.Value, "?#") || (u.Path != "" && u.Path != "/"):
		c.add(node, field, "%q must be http://host:port and nothing more; paths are forwarded as they are", node.Value)
	case u.Port() != "" && !isPort(u.Port()):
		c.add(node, field, "%q has no usable port; ports are 1 to 65535", node.Value)
	default:
		*into = &url.URL{Scheme: "http", Host: withPort(u)}
	}
}

func isPort(s string) bool {
	n, err := strconv.Atoi(s)
	return err == nil && isDecimal(s) && n > 0 && n < 65536
}

func withPort(u *url.URL) string {
	if u.Port() != "" {
		return u.Host
	}
	return strings.TrimSuffix(u.Host, ":") + ":80"
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
