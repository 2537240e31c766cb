package shadow

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"banyan.dev/platform/identity"
)

// Why a request is not sent as a copy.
var (
	errHead    = errors.New("the request's head can't be read")
	errHasBody = errors.New("the request has a body")
	errUpgrade = errors.New("the request asks for another protocol")
)

// request is what a head says of itself.
type request struct {
	method, target []byte
	id             []byte   // X-Request-Id
	withheld       []string // "Authorization", "Cookie session"
}

// audience is for whom a copy's head is written.
type audience uint8

const (
	forShadow   audience = iota
	forBaseline          // asked once more, as the client itself
)

// appendHead writes the copy of a request for an audience: without what speaks for
// a user, unless it goes back to the owner that got it, and marked as a copy.
// Conditions (If-None-Match and the like) stay only where the answer was 304:
// otherwise they could keep a body from being compared, because the owners'
// validators may differ.
func (c *Copy) appendHead(dst []byte, to audience) ([]byte, request, error) {
	first, rest, ok := bytes.Cut(c.head, []byte("\r\n"))
	var req request
	var parted bool
	req.method, first, ok = cutIf(first, ok)
	req.target, first, parted = cutIf(first, ok)
	if !parted || string(first) != "HTTP/1.1" || !isOneLine(c.head[:len(c.head)-len(rest)-len("\r\n")]) {
		return dst, req, errHead
	}
	if name := secretIn(req.target); name != "" {
		return dst, req, fmt.Errorf("the query carries a credential, %s", name)
	}
	dst = append(dst, c.head[:len(c.head)-len(rest)]...)
	for len(rest) > 0 {
		var line []byte
		line, rest, ok = bytes.Cut(rest, []byte("\r\n"))
		if len(line) == 0 {
			break
		}
		name, value, named := bytes.Cut(line, []byte{':'})
		if !ok || !named || !isOneLine(line) {
			return dst, req, errHead
		}
		var err error
		if dst, err = c.appendLine(dst, &req, name, bytes.TrimSpace(value), to); err != nil {
			return dst, req, err
		}
	}
	if to == forShadow && len(c.token) > 0 {
		dst = appendHeader(dst, []byte(identity.Header), c.token)
	}
	dst = append(dst, HeaderName+": 1\r\n\r\n"...)
	return dst, req, nil
}

// isOneLine tells whether every reader sees one header line. The data plane lets no
// others through; a credential must not depend on it.
func isOneLine(line []byte) bool {
	return line[0] != ' ' && line[0] != '\t' && bytes.IndexByte(line, '\r') < 0 && bytes.IndexByte(line, '\n') < 0
}

func cutIf(b []byte, ok bool) (before, after []byte, found bool) {
	if !ok {
		return nil, nil, false
	}
	return bytes.Cut(b, []byte{' '})
}

func (c *Copy) appendLine(dst []byte, req *request, name, value []byte, to audience) ([]byte, error) {
	switch kindOf(name) {
	case framing:
		if string(value) != "0" {
			return dst, errHasBody
		}
		return dst, nil
	case upgrade:
		return dst, errUpgrade
	case dropped:
		return dst, nil
	case condition:
		if c.baseline.status != http.StatusNotModified {
			return dst, nil
		}
	case requestID:
		req.id = value
	case referrer:
		if to == forShadow && secretIn(value) != "" {
			return dst, nil
		}
	}
	if to == forBaseline || !isCredential(name) || c.route.pass.header(name) {
		return appendHeader(dst, name, value), nil
	}
	if !bytes.EqualFold(name, []byte("Cookie")) {
		req.withheld = append(req.withheld, string(name))
		return dst, nil
	}
	begin := len(dst)
	dst = append(append(dst, name...), ": "...)
	first := len(dst)
	dst, req.withheld = c.route.pass.appendCookies(dst, value, req.withheld)
	if len(dst) == first {
		return dst[:begin], nil
	}
	return append(dst, "\r\n"...), nil
}

func appendHeader(dst, name, value []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// kind is what becomes of a header line in a copy.
type kind uint8

const (
	forwarded kind = iota
	framing
	upgrade
	dropped
	condition
	requestID
	referrer // the page before may have had a credential in its query
)

func kindOf(name []byte) kind {
	switch {
	case is(name, "Content-Length"), is(name, "Transfer-Encoding"):
		return framing
	case is(name, "Upgrade"):
		return upgrade
	case is(name, "Connection"), is(name, "Expect"), is(name, HeaderName):
		return dropped
	case is(name, "If-None-Match"), is(name, "If-Modified-Since"), is(name, "If-Match"), is(name, "If-Unmodified-Since"):
		return condition
	case is(name, "X-Request-Id"):
		return requestID
	case is(name, "Referer"):
		return referrer
	}
	return forwarded
}

func is(name []byte, want string) bool {
	return len(name) == len(want) && strings.EqualFold(string(name), want)
}

func unescaped(b []byte) string {
	s, err := url.QueryUnescape(string(b))
	if err != nil {
		return string(b)
	}
	return s
}
