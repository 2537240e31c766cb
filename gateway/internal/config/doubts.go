package config

import (
	"fmt"
	"strings"
)

// Doubts are what a valid file says and hardly means, a line each: patterns written as
// other routers have them, and what nothing comes of.
func (c *Config) Doubts() []string {
	var lines []string
	for i := range c.Routes {
		r := &c.Routes[i]
		at := fmt.Sprintf("routes[%d]", i)
		if reason := oddPattern(r.Path); reason != "" {
			lines = append(lines, fmt.Sprintf("%s.match.path: %q %s", at, r.Path, reason))
		}
		if r.Resource != "" && r.MaxBody > LongestBuffered {
			lines = append(lines, at+".max_body: bodies above 1MiB are streamed, and can't be sent again to another owner of "+r.Resource)
		}
	}
	for _, has := range c.Resources {
		if len(c.RoutesOf(has.Name)) == 0 {
			lines = append(lines, fmt.Sprintf("resources.%s: no route is about it; write resource: %s in place of owner where it is", has.Name, has.Name))
		}
	}
	if c.Identity != nil && !c.tells() {
		lines = append(lines, "identity: nobody is told who asks; write identity: true at the owners that want to know")
	}
	return lines
}

// tells is whether anybody is told who asks.
func (c *Config) tells() bool {
	for _, o := range c.Owners {
		if o.Identity {
			return true
		}
	}
	for _, r := range c.Routes {
		if r.Shadow != nil && r.Shadow.Pass.Identity || r.Resting.Shadow != nil && r.Resting.Shadow.Pass.Identity {
			return true
		}
	}
	return false
}

// oddPattern says what a pattern takes that looks as if it took more, or "".
func oddPattern(pattern string) string {
	for segment := range strings.SplitSeq(pattern[1:], "/") {
		switch {
		case len(segment) > 1 && segment[0] == ':':
			return fmt.Sprintf("takes the segment %q as it is written; write {%s} for any", segment, segment[1:])
		case len(segment) > 2 && segment[0] == '<' && segment[len(segment)-1] == '>':
			return fmt.Sprintf("takes the segment %q as it is written; write {%s} for any", segment, segment[1:len(segment)-1])
		}
	}
	if len(pattern) > 1 && strings.HasSuffix(pattern, "/") {
		return fmt.Sprintf("takes this one path and nothing below it; write %q for all of it", pattern+"*")
	}
	return ""
}
