package policy

import "bytes"

// Header says what the gateway does with a request's header.
type Header uint8

// The kinds of headers. Forward is what nothing else is said about.
const (
	Forward Header = iota
	// Distrusted comes from outside and claims what only the gateway can know.
	Distrusted
	// Hop is between two neighbours (RFC 9110, section 7.6.1).
	Hop
	Host
	ContentLength
	TransferEncoding
	Connection
	Upgrade
	Expect
	RequestID
	Traceparent
	Cookie
	// ForwardedFor, ForwardedProto and ForwardedHost are believed from trusted
	// proxies, and distrusted from anybody else.
	ForwardedFor
	ForwardedProto
	ForwardedHost
	// Trailer announces headers behind the body.
	Trailer
	// Tester carries a tester's token, which is the gateway's alone.
	Tester
)

// longest is as many bytes of a name as decide its kind.
const longest = 32

// Kind returns the kind of a header by its name, in whatever case. An underscore
// is taken for a hyphen, as CGI and its heirs do; a name that is special only then
// is a trick and distrusted.
func Kind(name []byte) Header {
	var lower [longest]byte
	n := min(len(name), longest)
	odd := false
	for i, c := range name[:n] {
		switch {
		case c >= 'A' && c <= 'Z':
			c |= 0x20
		case c == '_':
			c, odd = '-', true
		}
		lower[i] = c
	}
	kind := kindOf(lower[:n], len(name) > longest)
	if odd && kind != Forward {
		return Distrusted
	}
	return kind
}

func kindOf(name []byte, cut bool) Header {
	if len(name) > 2 && name[0] == 'x' && name[1] == '-' {
		return kindOfX(name)
	}
	if bytes.HasPrefix(name, strangler) {
		return Distrusted
	}
	if cut {
		return Forward
	}
	switch string(name) {
	case "host":
		return Host
	case "content-length":
		return ContentLength
	case "transfer-encoding":
		return TransferEncoding
	case "connection":
		return Connection
	case "upgrade":
		return Upgrade
	case "expect":
		return Expect
	case "traceparent":
		return Traceparent
	case "cookie":
		return Cookie
	case "trailer":
		return Trailer
	case "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization", "te", "http2-settings":
		return Hop
	case "forwarded", "proxy", "client-ip", "true-client-ip", "remote-user", "remote-addr":
		return Distrusted
	}
	return Forward
}

// strangler begins the names of what hosts of one house tell each other: who asks,
// and who owns what. From outside nobody may say so.
var strangler = []byte("strangler-")

// outside are the names below which everything is the gateway's to say: where a
// request came from, and whose it is.
var outside = [...]string{"x-forwarded-", "x-banyan-", "x-user-"}

func kindOfX(name []byte) Header {
	switch string(name) {
	case "x-request-id":
		return RequestID
	case "x-forwarded-for":
		return ForwardedFor
	case "x-forwarded-proto":
		return ForwardedProto
	case "x-forwarded-host":
		return ForwardedHost
	case "x-canary": // config.OverrideHeader
		return Tester
	case "x-real-ip", "x-forwarded", "x-user", "x-remote-user", "x-authenticated-user",
		"x-client-ip", "x-cluster-client-ip", "x-original-url", "x-original-host", "x-original-forwarded-for", "x-host", "x-rewrite-url", "x-served-by":
		return Distrusted
	}
	for _, prefix := range outside {
		if bytes.HasPrefix(name, []byte(prefix)) {
			return Distrusted
		}
	}
	return Forward
}

// FramesRequest tells of which headers a request's beginning and end are made. None
// of them is anything else behind a body than an attempt to be taken for one.
func FramesRequest(name []byte) bool {
	switch Kind(name) {
	case Host, ContentLength, TransferEncoding:
		return true
	}
	return false
}

// IsTrailer tells whether a header that comes behind the body is passed on: nothing
// that routes, authenticates, conditions or describes what was read before it
// (RFC 9110, section 6.5.1), and nothing that would not be passed on before it.
func IsTrailer(name []byte) bool {
	if Kind(name) != Forward {
		return false
	}
	var lower [longest]byte
	if len(name) > len(lower) {
		return true
	}
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		lower[i] = c
	}
	switch text := lower[:len(name)]; string(text) {
	case "authorization", "set-cookie", "www-authenticate", "cache-control", "pragma", "max-forwards", "range", "age", "date", "expires",
		"location", "retry-after", "vary", "warning":
		return false
	default:
		return !bytes.HasPrefix(text, []byte("content-")) && !bytes.HasPrefix(text, []byte("if-"))
	}
}

// IsHopResponse tells whether an answer's header stays between the owner and the
// gateway.
func IsHopResponse(name []byte) bool {
	switch len(name) {
	case len("connection"):
		return bytes.EqualFold(name, []byte("connection")) || bytes.EqualFold(name, []byte("keep-alive"))
	case len("upgrade"):
		return bytes.EqualFold(name, []byte("upgrade"))
	case len("proxy-connection"):
		return bytes.EqualFold(name, []byte("proxy-connection"))
	case len("proxy-authenticate"):
		return bytes.EqualFold(name, []byte("proxy-authenticate"))
	}
	return false
}

// SaneRequestID tells whether a request id from outside may be kept: short, and
// of characters that no log or header can misread.
func SaneRequestID(id []byte) bool {
	if len(id) == 0 || len(id) > 128 {
		return false
	}
	for _, c := range id {
		if !isUnreserved(c) && c != ':' && c != '/' && c != '+' && c != '=' && c != '@' {
			return false
		}
	}
	return true
}

// IsIdempotent tells whether a request with the method may be sent twice
// (RFC 9110, section 9.2.2).
func IsIdempotent(method []byte) bool {
	switch string(method) {
	case "GET", "HEAD", "OPTIONS", "PUT", "DELETE":
		return true
	}
	return false
}
