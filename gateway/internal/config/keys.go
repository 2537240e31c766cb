package config

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// keyAt is a key and where it stood: whether it means anything, the whole file
// tells.
type keyAt struct {
	field string
	key   Key
}

func (r *reader) key(node *yaml.Node, field string, into *Key) {
	var s string
	if !r.text(node, field, &s) {
		return
	}
	kind, name, named := strings.Cut(s, ":")
	key := Key{Kind: KeyKind(kind), Name: name}
	switch {
	case !named && (key.Kind == KeyUser || key.Kind == KeySession || key.Kind == KeyAddress):
	case named && key.Kind == KeyCookie && isToken(name):
	case named && key.Kind == KeyHeader && isToken(name):
		if reason := whyNotForwarded(name); reason != "" {
			r.add(node, field, "%q %s", name, reason)
			return
		}
	default:
		r.add(node, field, `%q is no key; known: user, session, address, "cookie:NAME", "header:NAME"`, s)
		return
	}
	*into = key
	r.keys = append(r.keys, keyAt{field, key})
}

// String is the key as the file spells it.
func (k Key) String() string {
	if k.Name == "" {
		return string(k.Kind)
	}
	return string(k.Kind) + ":" + k.Name
}

// checkKeys looks at keys and passed cookies once the owners are known.
func (r *reader) checkKeys() {
	for _, k := range r.keys {
		switch {
		case k.key.Kind == KeySession && r.config.Clients.SessionCookie == "":
			r.wrong(k.field, "session needs clients.session_cookie; name the application's session cookie there")
		case k.key.Kind == KeyCookie && r.isOwnCookie(k.key.Name):
			r.wrong(k.field, "%q is a cookie of the gateway's own, which nobody else sees; name one of the application's", k.key.Name)
		}
	}
	if c := r.config.Clients.SessionCookie; r.isOwnCookie(c) {
		r.wrong("clients.session_cookie", "%q is a cookie of the gateway's own; name the application's", c)
	}
}

// whyNotForwarded says why a request's header means nothing to the gateway's
// policies, or "". The names are those of policy.Kind; a test compares.
func whyNotForwarded(name string) string {
	lower := strings.ReplaceAll(strings.ToLower(name), "_", "-")
	switch {
	case lower == "cookie":
		return "holds all cookies; name the cookie instead"
	case strings.EqualFold(name, OverrideHeader):
		return "is a header of the gateway's own, which nobody else sees"
	case slices.Contains(claims, lower), strings.HasPrefix(lower, "x-forwarded-"), strings.HasPrefix(lower, "x-banyan-"), strings.HasPrefix(lower, "x-user-"), strings.HasPrefix(lower, "strangler-"):
		return "is not believed from outside: anybody could set it. For the client's address write by: address"
	case slices.Contains(between, lower):
		return "is for the gateway itself, and isn't passed on"
	case lower == "x-request-id", lower == "traceparent":
		return "is another one with each request"
	}
	return ""
}

var (
	claims = []string{
		"forwarded", "proxy", "client-ip", "true-client-ip", "remote-user", "remote-addr",
		"x-real-ip", "x-forwarded", "x-user", "x-remote-user", "x-authenticated-user",
		"x-client-ip", "x-cluster-client-ip", "x-original-url", "x-rewrite-url", "x-served-by",
	}
	between = []string{
		"host", "content-length", "transfer-encoding", "connection", "upgrade", "expect",
		"keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "trailer", "http2-settings",
	}
)

// whyNotCompared says why an answer's header is no part of what an owner says, or
// "".
func whyNotCompared(name string) string {
	switch lower := strings.ToLower(name); {
	case lower == "x-served-by", lower == "x-request-id":
		return "is set by the gateway, so it says nothing of the owners"
	case lower != "content-length" && slices.Contains(between, lower):
		return "is between owner and gateway, and no part of the answer"
	}
	return ""
}
