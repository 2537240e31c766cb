package policy

import (
	"bytes"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/resilience"
)

// Keys tells clients apart for one request. The zero value is ready; a data plane
// keeps one for each request and calls Reset before the next.
type Keys struct {
	table *Table
	user  []byte // the user cookie that this request's answer sets
	addr  []byte
}

// Reset makes the keys ready for a request that the table decides about.
func (k *Keys) Reset(t *Table) {
	k.table, k.user, k.addr = t, k.user[:0], k.addr[:0]
}

// User is the value of the user cookie that was made for this request, or nothing.
func (k *Keys) User() []byte { return k.user }

// Known returns what the client says it is known by; false when it says nothing. No
// user cookie is made. The slice is valid until Reset.
func (k *Keys) Known(by config.Key, req *Request) (key []byte, ok bool) {
	if by.Kind == config.KeyUser {
		value, ok := cookieOf(req.Cookies, userCookie)
		return value, ok && isUser(value)
	}
	key, _ = k.of(by, req)
	return key, len(key) > 0
}

var userCookie = []byte(config.UserCookie)

func (k *Keys) of(by config.Key, req *Request) (key []byte, mint bool) {
	switch by.Kind {
	case config.KeyUser:
		return k.userOf(req)
	case config.KeySession:
		return k.sessionOf(req), false
	case config.KeyCookie:
		value, _ := cookieOf(req.Cookies, []byte(by.Name))
		return value, false
	case config.KeyHeader:
		if req.Headers == nil {
			return nil, false
		}
		return req.Headers.Value(by.Name), false
	case config.KeyAddress:
		k.addr = resilience.AddressKey(k.addr[:0], req.Client)
		return k.addr, false
	}
	return nil, false
}

// userOf believes a user cookie only if it looks like one of ours: anything else
// is replaced.
func (k *Keys) userOf(req *Request) (key []byte, mint bool) {
	if len(k.user) > 0 {
		return k.user, true
	}
	if value, ok := cookieOf(req.Cookies, userCookie); ok && isUser(value) {
		return value, false
	}
	k.user = AppendUser(k.user[:0])
	return k.user, true
}

func isUser(value []byte) bool {
	if len(value) != 2*userBytes {
		return false
	}
	for _, c := range value {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// AppendSession appends the session cookies of a request as a Cookie header has them,
// "name=value". It appends nothing when there is none.
func (t *Table) AppendSession(dst []byte, cookies [][]byte) []byte {
	begin := len(dst)
	for _, header := range cookies {
		for name, value := range each(header) {
			if bare, _ := bareName(name); len(value) == 0 || !bytes.Equal(bare, t.session) {
				continue
			}
			if len(dst) > begin {
				dst = append(dst, "; "...)
			}
			dst = append(append(append(dst, name...), '='), value...)
		}
	}
	return dst
}

func (k *Keys) sessionOf(req *Request) []byte {
	for _, header := range req.Cookies {
		for name, value := range each(header) {
			if bare, _ := bareName(name); bytes.Equal(bare, k.table.session) {
				return value
			}
		}
	}
	return nil
}
