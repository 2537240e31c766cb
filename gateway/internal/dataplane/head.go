package dataplane

import (
	"bytes"
	"errors"
	"strings"

	"banyan.dev/gateway/internal/policy"
)

// line is one header of a request, as it was sent.
type line struct {
	name, value []byte
	kind        policy.Header
}

// Why a head is refused: each is a way to make two servers read two different
// requests out of the same bytes (RFC 9112, section 11.2).
var (
	errBareEOL    = errors.New("a header line ends in a bare CR or LF")
	errFold       = errors.New("a header is folded over two lines")
	errHeaderName = errors.New("a header has no proper name")
	errTwoLengths = errors.New("the body's length is given twice")
	errLength     = errors.New("Content-Length is no number")
	errCoding     = errors.New("Transfer-Encoding is not chunked")
	errHost       = errors.New("Host is missing, doubled or malformed")
	errExpect     = errors.New("Expect is not 100-continue")
)

// head is what the raw header lines say.
type head struct {
	lines       []line
	cookies     [][]byte
	host        []byte
	requestID   []byte
	traceparent []byte
	tester      []byte
	upgrade     []byte // the protocol, when the client asks to leave HTTP
	dropped     [][]byte
	expects     bool
	closes      bool

	from                    origin
	lengths, codings, hosts int
	wantsUpgrade            bool
}

func (h *head) reset() {
	*h = head{lines: h.lines[:0], cookies: h.cookies[:0], dropped: h.dropped[:0], from: origin{hops: h.from.hops[:0]}}
}

// read takes the lines apart. fasthttp has parsed them too, but leniently; here
// they are held against the grammar, and kept in their order and spelling.
func (h *head) read(raw []byte, http11 bool) error {
	for len(raw) > 0 {
		end := bytes.IndexByte(raw, '\n')
		if end < 1 || raw[end-1] != '\r' {
			return errBareEOL
		}
		text := raw[:end-1]
		raw = raw[end+1:]
		if len(text) == 0 {
			break
		}
		if err := h.add(text); err != nil {
			return err
		}
	}
	return h.check(http11)
}

func (h *head) add(text []byte) error {
	if text[0] == ' ' || text[0] == '\t' {
		return errFold
	}
	if bytes.IndexByte(text, '\r') >= 0 {
		return errBareEOL
	}
	colon := bytes.IndexByte(text, ':')
	if colon <= 0 || !isToken(text[:colon]) {
		return errHeaderName
	}
	l := line{name: text[:colon], value: trim(text[colon+1:])}
	l.kind = policy.Kind(l.name)
	h.lines = append(h.lines, l)
	if l.kind != policy.Forward {
		return h.note(l)
	}
	return nil
}

// note remembers what the exchange needs to know of a special header.
func (h *head) note(l line) error {
	switch l.kind {
	case policy.Host:
		h.hosts++
		h.host = l.value
	case policy.ContentLength:
		h.lengths++
		if !isDigits(l.value) {
			return errLength
		}
	case policy.TransferEncoding:
		h.codings++
		if !bytes.EqualFold(l.value, []byte("chunked")) {
			return errCoding
		}
	case policy.Connection:
		h.connection(l.value)
	case policy.Upgrade:
		h.upgrade = l.value
	case policy.Expect:
		if !bytes.EqualFold(l.value, []byte("100-continue")) {
			return errExpect
		}
		h.expects = true
	case policy.RequestID:
		h.requestID = l.value
	case policy.Traceparent:
		h.traceparent = l.value
	case policy.Cookie:
		h.cookies = append(h.cookies, l.value)
	case policy.Tester:
		h.tester = l.value
	}
	return nil
}

// connection reads the names of headers that end here. They are a client's own
// headers: what the gateway sets is written afterwards and can't be named away.
func (h *head) connection(value []byte) {
	for token := range bytes.SplitSeq(value, []byte{','}) {
		switch token = trim(token); {
		case len(token) == 0, bytes.EqualFold(token, []byte("keep-alive")):
		case bytes.EqualFold(token, []byte("close")):
			h.closes = true
		case bytes.EqualFold(token, []byte("upgrade")):
			h.wantsUpgrade = true
		default:
			h.dropped = append(h.dropped, token)
		}
	}
}

func (h *head) check(http11 bool) error {
	switch {
	case h.lengths > 1, h.codings > 1, h.lengths+h.codings > 1:
		return errTwoLengths
	case h.codings > 0 && !http11:
		return errCoding
	case h.hosts > 1, h.hosts == 0 && http11, h.hosts == 1 && !isHost(h.host):
		return errHost
	}
	if !h.wantsUpgrade || h.lengths+h.codings > 0 || !isTunnel(h.upgrade) {
		h.upgrade = nil
	}
	return nil
}

// isTunnel tells whether a protocol may be switched to. HTTP/2 may not: requests
// inside it would pass the gateway unseen.
func isTunnel(protocol []byte) bool {
	return len(protocol) > 0 && isToken(bytes.ReplaceAll(protocol, slash, nil)) &&
		!bytes.HasPrefix(bytes.ToLower(protocol), []byte("h2")) && !bytes.HasPrefix(bytes.ToLower(protocol), []byte("http"))
}

var slash = []byte{'/'}

// Value is the first value of a header by its name, in whatever case.
func (h *head) Value(name string) []byte {
	for i := range h.lines {
		l := &h.lines[i]
		if len(l.name) == len(name) && strings.EqualFold(string(l.name), name) {
			return l.value
		}
	}
	return nil
}

// isDropped tells whether the client named the header in Connection.
func (h *head) isDropped(name []byte) bool {
	for _, d := range h.dropped {
		if bytes.EqualFold(d, name) {
			return true
		}
	}
	return false
}

var tokenByte = func() (t [256]bool) {
	for _, c := range []byte("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()

func isToken(b []byte) bool {
	for _, c := range b {
		if !tokenByte[c] {
			return false
		}
	}
	return len(b) > 0
}

func isDigits(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0 && len(b) < 19
}

// hostByte are the characters of a registered name or an IPv4 address (RFC 3986,
// section 3.2.2), without those that a careless reader takes for an end.
var hostByte = func() (t [256]bool) {
	for _, c := range []byte("-._~%!$&()*+=0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") {
		t[c] = true
	}
	return t
}()

// isHost takes a name or an address, and perhaps a port.
func isHost(b []byte) bool {
	end := 0
	for end < len(b) && hostByte[b[end]] {
		end++
	}
	if end == 0 && len(b) > 0 && b[0] == '[' {
		end = bytes.IndexByte(b, ']') + 1
		if end < len("[::]") || !isIPv6(b[1:end-1]) {
			return false
		}
	}
	return end > 0 && (string(b[end:]) == ":" || isPort(b[end:]))
}

// isIPv6 tells an IPv6 address by its characters. What it names is the owner's to
// say.
func isIPv6(b []byte) bool {
	for _, c := range b {
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'f') && c != ':' && c != '.' {
			return false
		}
	}
	return true
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}
