package policy

import (
	"bytes"
	"slices"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/upstream"
)

type affinity struct {
	cookie, session []byte
	home            string
}

func newAffinity(a *config.Affinity) *affinity {
	if a == nil {
		return nil
	}
	return &affinity{cookie: []byte(a.Cookie), session: []byte(a.SessionCookie), home: a.Home}
}

// Choice is where a request goes.
type Choice struct {
	Replica *upstream.Replica
	// Repin tells that the user's affinity cookie names another replica, one that
	// is gone or unwell: the answer must carry a new one.
	Repin bool
	// Secure tells that the user's session cookie is one that only HTTPS carries.
	Secure bool
}

// Choose returns the replica for a request, leaving out those tried already. The
// replica is nil when none is healthy.
//
// With affinity the user's cookie decides while its replica is well; a session
// without the cookie belongs to the home replica; everything else is balanced.
func (o *Owner) Choose(r *Request, tried []*upstream.Replica) Choice {
	if o.affinity == nil {
		return Choice{Replica: o.balance(tried)}
	}
	pin, pinned := cookieOf(r.Cookies, o.affinity.cookie)
	session, secure := o.affinity.sessionIn(r.Cookies)
	if pinned {
		usable := func(p *upstream.Replica) bool { return p.Pin == string(pin) }
		if p := o.usable(tried, usable); p != nil {
			return Choice{Replica: p, Secure: secure}
		}
		return Choice{Replica: o.balance(tried), Repin: true, Secure: secure}
	}
	if session && o.affinity.home != "" {
		isHome := func(p *upstream.Replica) bool { return p.Name == o.affinity.home }
		if p := o.usable(tried, isHome); p != nil {
			return Choice{Replica: p, Secure: secure}
		}
	}
	return Choice{Replica: o.balance(tried), Secure: secure}
}

func (o *Owner) usable(tried []*upstream.Replica, is func(*upstream.Replica) bool) *upstream.Replica {
	for _, p := range o.Group.Replicas() {
		if is(p) && p.Healthy() && !slices.Contains(tried, p) {
			return p
		}
	}
	return nil
}

// sessionIn tells whether a session cookie is among the cookies, and whether it
// is one that only HTTPS carries.
func (a *affinity) sessionIn(cookies [][]byte) (found, secure bool) {
	for _, header := range cookies {
		for name := range each(header) {
			bare, prefixed := bareName(name)
			if bytes.Equal(bare, a.session) {
				return true, prefixed
			}
		}
	}
	return false, false
}

// HasAffinity tells whether answers of the owner have to be looked at for a
// session cookie.
func (o *Owner) HasAffinity() bool { return o.affinity != nil }

// SetsSession tells whether a Set-Cookie value sets the owner's session cookie.
func (o *Owner) SetsSession(setCookie []byte) bool {
	name, _, _ := bytes.Cut(setCookie, []byte{'='})
	bare, _ := bareName(bytes.TrimSpace(name))
	return bytes.Equal(bare, o.affinity.session)
}

// AppendPin appends the value of a Set-Cookie header that keeps the user at the
// replica. session is the Set-Cookie value that set the session, whose lifetime
// and Secure flag the cookie takes; nil for a user who is only moved.
func (o *Owner) AppendPin(dst []byte, p *upstream.Replica, session []byte, secure bool) []byte {
	dst = append(dst, o.affinity.cookie...)
	dst = append(dst, '=')
	dst = append(dst, p.Pin...)
	dst = append(dst, "; Path=/; HttpOnly; SameSite=Lax"...)
	_, attributes, _ := bytes.Cut(session, []byte{';'})
	for attribute := range bytes.SplitSeq(attributes, []byte{';'}) {
		attribute = bytes.TrimSpace(attribute)
		name, _, _ := bytes.Cut(attribute, []byte{'='})
		switch {
		case bytes.EqualFold(name, []byte("Secure")):
			secure = true
		case bytes.EqualFold(name, []byte("Max-Age")), bytes.EqualFold(name, []byte("Expires")):
			dst = append(append(dst, "; "...), attribute...)
		}
	}
	if secure {
		dst = append(dst, "; Secure"...)
	}
	return dst
}
