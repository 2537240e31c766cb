package dataplane

import (
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"

	"banyan.dev/gateway/internal/upstream"
	"banyan.dev/gateway/internal/who"
	"banyan.dev/platform/identity"
)

// person is who asks, as far as an owner wanted to know.
type person struct {
	asked bool
	token []byte // nothing is nobody
	// cookies are for the client: the session may be renewed by being asked about.
	cookies [][]byte
}

// identify finds out who asks, once, where the owner is told. A request without a
// session cookie is nobody's, and nobody is asked about it.
func (x *exchange) identify() error {
	if !x.owner.Identity || x.person.asked {
		return nil
	}
	x.scratch = x.snapshot.Who.AppendSession(x.scratch[:0], x.head.cookies)
	if len(x.scratch) == 0 {
		return nil
	}
	x.out = x.appendOrigin(x.out[:0])
	q := who.Question{Session: x.scratch, View: &x.view, Host: x.head.host, Lines: x.out, Deadline: x.deadline}
	if x.client != nil {
		q.Gone = x.client.gone
	}
	answer, err := x.snapshot.Who.Ask(q)
	if errors.Is(err, upstream.ErrGone) {
		return err
	}
	x.person.cookies = append(x.person.cookies, answer.SetCookies...)
	if err != nil {
		return errWho
	}
	x.person.asked, x.person.token = true, answer.Token
	x.deadline = x.remaining() // the time of the question is not the owner's
	return nil
}

// appendPerson tells the owner who asks.
func (x *exchange) appendPerson(dst []byte) []byte {
	if len(x.person.token) == 0 || !x.owner.Identity {
		return dst
	}
	return append(append(append(dst, identity.Header+": "...), x.person.token...), "\r\n"...)
}

// renewSession passes on what the owner of the sessions set, unless the answer sets
// the same cookie.
func (x *exchange) renewSession(h *fasthttp.ResponseHeader) {
	for _, value := range x.person.cookies {
		name, _, _ := bytes.Cut(value, []byte{'='})
		if len(h.PeekCookie(string(name))) == 0 {
			h.SetBytesV("Set-Cookie", value)
		}
	}
}
