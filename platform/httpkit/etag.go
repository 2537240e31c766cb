package httpkit

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"banyan.dev/platform/problem"
)

// SetETag shows a version as a strong entity tag (RFC 9110, 8.8.3): what a write
// answers, for the If-Match of the next one.
func SetETag(c echo.Context, version int) {
	c.Response().Header().Set("ETag", versionTag(version))
}

func versionTag(version int) string { return `"` + strconv.Itoa(version) + `"` }

// bodyTag is what a read answers. An answer also shows what is not of the version
// (a post's number of comments, its author's name), so the tag tells bodies of one
// version apart; If-Match looks at the version alone.
func bodyTag(version int, body []byte) string {
	return fmt.Sprintf(`"%d-%08x"`, version, crc32.ChecksumIEEE(body))
}

// NotModified tells whether If-None-Match names the tag: the answer is then 304
// without a body. Comparison is weak, as RFC 9110, 13.1.2 asks.
func NotModified(c echo.Context, entity string) bool {
	header := c.Request().Header.Values("If-None-Match")
	if len(header) == 0 {
		return false
	}
	tags, star, ok := parseTags(strings.Join(header, ","))
	if !ok {
		return false // a condition that can't be read is as if it were not there
	}
	for _, t := range tags {
		if t.value == entity {
			return true
		}
	}
	return star
}

// Condition is what If-Match demands of a version. The zero value demands nothing.
type Condition struct {
	any  bool
	tags []tag
}

// IfMatch reads the header of a write that must not be based on an old version.
// Problems: PreconditionRequired when it is missing, Malformed when it can't be
// read.
func IfMatch(c echo.Context) (Condition, error) {
	if len(c.Request().Header.Values("If-Match")) == 0 {
		return Condition{}, problem.New(problem.PreconditionRequired,
			"If-Match is missing: send the ETag of the version that you changed")
	}
	return IfMatchOptional(c)
}

// IfMatchOptional is IfMatch for a write that is also good without the header.
func IfMatchOptional(c echo.Context) (Condition, error) {
	header := c.Request().Header.Values("If-Match")
	if len(header) == 0 {
		return Condition{any: true}, nil
	}
	tags, star, ok := parseTags(strings.Join(header, ","))
	if !ok {
		return Condition{}, problem.New(problem.Malformed, `If-Match %q is no list of entity tags: send "3", with the quotes, or *`, strings.Join(header, ","))
	}
	return Condition{any: star, tags: tags}, nil
}

// Version is the version that the write must find. When the client named exactly
// one, it is that one; else current is asked, and its answer is returned if the
// condition holds for it. Problem: VersionMismatch.
func (m Condition) Version(current func() (int, error)) (int, error) {
	if !m.any && len(m.tags) == 1 {
		if v, ok := m.tags[0].version(); ok {
			return v, nil
		}
		return 0, mismatch() // a weak tag, or one that was never ours, matches nothing
	}
	now, err := current()
	if err != nil {
		return 0, err
	}
	if m.any {
		return now, nil
	}
	for _, t := range m.tags {
		if v, ok := t.version(); ok && v == now {
			return now, nil
		}
	}
	return 0, mismatch()
}

// VersionOrAny is Version for a store that takes 0 for "whatever it is now": it
// asks current only when the client named several versions.
func (m Condition) VersionOrAny(current func() (int, error)) (int, error) {
	if m.any {
		return 0, nil
	}
	return m.Version(current)
}

func mismatch() error {
	return problem.New(problem.VersionMismatch, "it has another version by now: read it again, and change that")
}

// tag is one entity tag; value has its quotes.
type tag struct {
	value string
	weak  bool
}

// version is the number in a strong tag of ours, of a write or of a read. Weak tags
// never match strongly.
func (t tag) version() (int, bool) {
	number, sum, ofRead := strings.Cut(strings.Trim(t.value, `"`), "-")
	v, err := strconv.Atoi(number)
	if err != nil || t.weak || v < 1 || strconv.Itoa(v) != number || ofRead && len(sum) != 8 {
		return 0, false
	}
	return v, true
}

// parseTags reads `*` or a list of entity tags. Empty members are allowed
// (RFC 9110, 5.6.1), an empty list is not.
func parseTags(s string) (tags []tag, star, ok bool) {
	s = strings.Trim(s, " \t")
	if s == "*" {
		return nil, true, true
	}
	for s != "" {
		if s[0] == ',' || s[0] == ' ' || s[0] == '\t' {
			s = s[1:]
			continue
		}
		t, rest, found := cutTag(s)
		if !found {
			return nil, false, false
		}
		tags, s = append(tags, t), strings.TrimLeft(rest, " \t")
		if s != "" && s[0] != ',' {
			return nil, false, false
		}
	}
	return tags, false, len(tags) > 0
}

func cutTag(s string) (t tag, rest string, ok bool) {
	s, t.weak = strings.CutPrefix(s, "W/")
	if s == "" || s[0] != '"' {
		return tag{}, "", false
	}
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			t.value = s[:i+1]
			return t, s[i+1:], true
		case c < 0x21 || c == 0x7f:
			return tag{}, "", false
		}
	}
	return tag{}, "", false
}
