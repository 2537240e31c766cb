package page

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"

	"banyan.dev/gateway/internal/control/picture"
	"banyan.dev/gateway/internal/control/status"
)

var functions = template.FuncMap{
	"rate": picture.Rate, "percent": picture.Percent, "health": picture.Health,
	"thousands": thousands, "took": took, "clock": clock, "day": day, "iso": iso, "left": left,
	"minus": func(a, b float64) float64 { return a - b }, "escaped": url.PathEscape,
	"observed": observed, "pinned": pinned, "number": func(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) },
	"spaced":   func(s string) string { return strings.ReplaceAll(s, "_", " ") },
	"share100": part, "few": few, "on": on, "of": of,
}

// thousands writes 1234567 as 1,234,567.
func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// took writes an upper bound of so many milliseconds, measured over so many
// requests.
func took(ms float64, requests uint64) string {
	switch {
	case requests == 0:
		return "–"
	case ms == 0:
		return "longer"
	case ms < 1000:
		return strconv.FormatFloat(ms, 'f', -1, 64) + " ms"
	}
	return strconv.FormatFloat(ms/1000, 'f', -1, 64) + " s"
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

func day(t time.Time) string { return t.UTC().Format("2006-01-02") }

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// left is how long it is from now until then, in whole seconds.
func left(now time.Time, then *time.Time) string {
	if then == nil || !then.After(now) {
		return "0 s"
	}
	return fmt.Sprintf("%d s", int(then.Sub(now).Round(time.Second)/time.Second))
}

// part is how much one number is of another, in percent.
func part(some, all uint64) float64 {
	if all == 0 {
		return 0
	}
	return float64(some) * 100 / float64(all)
}

// few writes a percentage with one digit, and never as none.
func few(v float64) string {
	if v > 0 && v < 0.1 {
		return "<0.1"
	}
	return strconv.FormatFloat(v, 'f', 1, 64)
}

// observed is the part of the last minute's requests that a side has answered.
func observed(r status.Route, side status.Side) string {
	if r.Recent.Requests == 0 {
		return "no requests"
	}
	return few(part(side.Recent.Requests, r.Recent.Requests)) + " % of requests"
}

// pinned is how many users an owner's replicas keep.
func pinned(o status.Owner) uint64 {
	var all uint64
	for _, r := range o.Replicas {
		all += r.Pinned
	}
	return all
}

func count(n int, one string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %ss", n, one)
}

// A template takes one value; these carry what the whole page says along.
type (
	onePart struct {
		Status View
		Route  routeView
	}
	oneOwner struct {
		At    time.Time
		Owner status.Owner
	}
	routeView struct{ status.Route }
)

// Named is whether the route has a name that doesn't merely repeat its pattern.
func (r routeView) Named() bool {
	pattern := r.Path
	if len(r.Methods) > 0 {
		pattern = strings.Join(r.Methods, ",") + " " + r.Path
	}
	return r.Name != pattern
}

func on(v View, r status.Route) onePart { return onePart{v, routeView{r}} }

func of(v View, o status.Owner) oneOwner { return oneOwner{v.At, o} }
