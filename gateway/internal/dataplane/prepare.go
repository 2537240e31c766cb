package dataplane

import (
	"bytes"
	"errors"
	"io"

	"github.com/valyala/fasthttp"

	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/policy"
)

// prepare reads the head, and finds the route. It reads nothing of the body.
func (x *exchange) prepare() error {
	h := &x.ctx.Request.Header
	x.body = x.kindOfBody()
	if err := x.readRequestHead(h); err != nil {
		x.odd = true
		return err
	}
	x.view.Method, x.view.Cookies, x.view.Headers = h.Method(), x.head.cookies, &x.head
	x.view.Now, x.view.Tester = x.begun, x.head.tester
	if x.client != nil {
		x.view.Client = x.clientAddr()
	}
	switch string(x.view.Method) {
	case "CONNECT", "TRACE":
		return errMethod
	}
	if policy.IsInternal(x.view.Path) {
		return errOperators
	}
	return x.follow(x.server.current.Snapshot())
}

// follow finds the route that takes the request by what is in force.
func (x *exchange) follow(snapshot *current.Snapshot) error {
	x.snapshot = snapshot
	if x.route = snapshot.Table.Match(&x.view); x.route == nil {
		return errNoRoute
	}
	x.keys.Reset(snapshot.Table)
	x.lasting = &snapshot.Routes[x.route.Index]
	x.timeout = x.route.Timeout
	x.deadline = x.begun.Add(x.timeout)
	if limit := x.route.MaxBody; limit > 0 && int64(x.ctx.Request.Header.ContentLength()) > limit {
		return errTooLarge
	}
	return nil
}

// readRequestHead checks what the client sent, and finds its canonical path.
func (x *exchange) readRequestHead(h *fasthttp.RequestHeader) error {
	err := x.head.read(h.RawHeaders(), h.IsHTTP11())
	x.requestID = appendRequestID(x.requestID[:0], x.head.requestID)
	switch {
	case !h.IsHTTP11() && string(h.Protocol()) != "HTTP/1.0":
		return errVersion
	case errors.Is(err, errExpect):
		return &refusal{status: fasthttp.StatusExpectationFailed, kind: "malformed", detail: "The only expectation met here is 100-continue."}
	case err != nil:
		return &refusal{status: fasthttp.StatusBadRequest, kind: "malformed", detail: "The request was refused: " + err.Error() + "."}
	}
	return x.locate(h.RequestURI())
}

// locate finds the canonical path in the request target. Only the origin form is
// taken: an absolute URI could name another host than the Host header does.
func (x *exchange) locate(uri []byte) error {
	if len(uri) == 0 || uri[0] != '/' || bytes.IndexByte(uri, '#') >= 0 {
		return errTarget
	}
	raw, query := uri, []byte(nil)
	if i := bytes.IndexByte(uri, '?'); i >= 0 {
		raw, query = uri[:i], uri[i:]
	}
	path, err := policy.Canonical(x.pathBuf, raw)
	if err != nil {
		return &refusal{status: 400, kind: "malformed", detail: err.Error()}
	}
	if len(path) != len(raw) || &path[0] != &raw[0] {
		x.pathBuf = path[:0]
	}
	x.view.Path = path
	x.target = append(append(x.target[:0], path...), query...)
	return nil
}

func (x *exchange) kindOfBody() body {
	switch n := x.ctx.Request.Header.ContentLength(); {
	case n == -1:
		return bodyChunked
	case n > bufferedBody:
		return bodySized
	case n > 0 && x.interim:
		return bodySized // what the owner wants to see comes after its word
	case n > 0:
		return bodyBuffered
	default:
		return noBody
	}
}

// readBody takes a short body into the exchange; fasthttp holds it already. A longer
// one is kept where the route wants it.
func (x *exchange) readBody() error {
	if x.body != bodyBuffered {
		return x.keepBody()
	}
	n := x.ctx.Request.Header.ContentLength()
	if cap(x.content) < n {
		x.content = make([]byte, 0, bufferedBody)
	}
	x.content = x.content[:n]
	if _, err := io.ReadFull(x.ctx.RequestBodyStream(), x.content); err != nil {
		return errBroken
	}
	return nil
}
