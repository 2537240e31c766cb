package same

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// mayDiffer names each header that may differ between direct and through the
// gateway, and why. Whatever is not here must be the same.
func mayDiffer() map[string]string {
	return map[string]string{
		"Date":         "each is answered at its own moment",
		"X-Request-Id": "each request has an id of its own",
		"Traceparent":  "each request has a trace of its own",
		"X-Served-By":  "the gateway says who answered",
		"Connection":   "between two hops only (RFC 9110, 7.6.1)",
		"Keep-Alive":   "between two hops only",
	}
}

// affinityCookie is set by the gateway for itself; the blog never sees it set.
const affinityCookie = "banyan_replica"

// sessionCookies have a value of their own for each sign-in.
var sessionCookies = []string{"banyan_session", "__Host-banyan_session"}

var (
	anID      = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	aTime     = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z`)
	anExpiry  = regexp.MustCompile(`(?i)(expires)=[^;]*`)
	aFormsKey = regexp.MustCompile(`(name="[a-z_]*key"[^>]* value=")[^"]*`)
)

// difference says what differs between the two answers to a request; empty when
// nothing does.
func difference(r request, direct, gateway reply) string {
	var found []string
	note := func(what string, a, b any) {
		found = append(found, fmt.Sprintf("%s: direct %v, gateway %v", what, a, b))
	}
	if direct.status != gateway.status {
		note("status", direct.status, gateway.status)
	}
	if !slices.Equal(direct.interim, gateway.interim) {
		note("interim answers", direct.interim, gateway.interim)
	}
	if direct.framing == "length" && gateway.framing != "length" {
		note("framing", direct.framing, gateway.framing)
	}
	compareHeaders(r, direct, gateway, note)
	a, b := r.mask(direct, direct.body), r.mask(gateway, gateway.body)
	if !bytes.Equal(a, b) {
		note("body", "…"+around(a, b), "…"+around(b, a))
	}
	if a, b := fmt.Sprint(direct.trailer), fmt.Sprint(gateway.trailer); a != b {
		note("trailer", a, b)
	}
	return strings.Join(found, "; ")
}

func compareHeaders(r request, direct, gateway reply, note func(what string, a, b any)) {
	allowed := mayDiffer()
	names := map[string]bool{}
	for _, header := range []http.Header{direct.header, gateway.header} {
		for name := range header {
			names[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if _, ok := allowed[name]; ok {
			continue
		}
		if name == "Content-Length" && r.lengthMayDiffer(direct, gateway) {
			continue
		}
		a, b := r.values(direct, name), r.values(gateway, name)
		if !slices.Equal(a, b) {
			note("header "+name, fmt.Sprintf("%q", a), fmt.Sprintf("%q", b))
		}
	}
}

// lengthMayDiffer: an answer without a length may be given one by the next hop, times
// are not all written with the same number of digits, and a problem tells its
// request's id, which the gateway makes in another form than the blog.
func (r request) lengthMayDiffer(direct, gateway reply) bool {
	ids := len(direct.header.Get("X-Request-Id")) != len(gateway.header.Get("X-Request-Id"))
	return direct.framing != "length" || r.variable || ids && direct.status >= 400
}

// values are a header's, in order, without what is each answer's own.
func (r request) values(answer reply, name string) []string {
	var values []string
	for _, value := range answer.header[name] {
		if name == "Set-Cookie" {
			if strings.HasPrefix(value, affinityCookie+"=") {
				continue
			}
			value = maskCookie(value)
		}
		values = append(values, string(r.mask(answer, []byte(value))))
	}
	return values
}

// maskCookie hides a session's token and the moment it ends; that there is a token
// or none, and every attribute, stays.
func maskCookie(line string) string {
	name, rest, _ := strings.Cut(line, "=")
	value, attributes, _ := strings.Cut(rest, ";")
	if slices.Contains(sessionCookies, name) && value != "" {
		value = fmt.Sprintf("<token of %d>", len(value))
	}
	return name + "=" + value + ";" + anExpiry.ReplaceAllString(attributes, "$1=<time>")
}

// mask hides what is an answer's own: its request id, and in what was made by it,
// ids and times.
func (r request) mask(answer reply, text []byte) []byte {
	if id := answer.header.Get("X-Request-Id"); id != "" {
		text = bytes.ReplaceAll(text, []byte(id), []byte("<request id>"))
	}
	if strings.HasPrefix(answer.header.Get("Content-Type"), "text/html") {
		text = aFormsKey.ReplaceAll(text, []byte("${1}<key>"))
	}
	if r.variable {
		text = anID.ReplaceAll(text, []byte("<id>"))
		text = aTime.ReplaceAll(text, []byte("<time>"))
	}
	return text
}

// around shows a from a little before the first byte in which it differs from b.
func around(a, b []byte) string {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	from := max(0, at-30)
	return fmt.Sprintf("%q (of %d bytes, from byte %d)", a[from:min(len(a), at+60)], len(a), from)
}

func excerpt(body []byte) string {
	if len(body) > 200 {
		return string(body[:200]) + "…"
	}
	return string(body)
}
