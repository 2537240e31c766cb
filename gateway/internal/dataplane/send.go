package dataplane

import (
	"bytes"
	"strconv"
	"time"

	"banyan.dev/gateway/internal/policy"
)

// send writes the head, with a short body behind it in the same write, and starts
// the upload of a longer one.
func (x *exchange) send() error {
	x.conn.Sent()
	x.out = x.appendHead(x.out[:0])
	x.copy.Request(x.out)
	if x.body == bodyBuffered && len(x.content) <= bufferedBody {
		x.out = append(x.out, x.content...)
	}
	if err := x.conn.SetWriteDeadline(x.deadline); err != nil {
		return err
	}
	if _, err := x.conn.Write(x.out); err != nil {
		return err
	}
	if x.body == bodyBuffered && len(x.content) > bufferedBody {
		if _, err := x.conn.Write(x.content); err != nil {
			return err
		}
	}
	if !x.interim && (x.body == bodySized || x.body == bodyChunked) {
		x.startUpload()
	}
	return nil
}

// appendHead writes the request as the owner shall see it: the client's headers in
// their order and spelling, without those that end here or aren't believed, and
// then the gateway's own, which nothing a client sends can remove.
func (x *exchange) appendHead(dst []byte) []byte {
	dst = append(dst, x.view.Method...)
	dst = append(dst, ' ')
	dst = append(dst, x.target...)
	dst = append(dst, " HTTP/1.1\r\nHost: "...)
	if len(x.head.host) > 0 {
		dst = append(dst, x.head.host...)
	} else { // HTTP/1.0 may leave it out
		dst = append(dst, x.choice.Replica.URL.Host...)
	}
	dst = append(dst, "\r\n"...)
	for i := range x.head.lines {
		dst = x.appendLine(dst, &x.head.lines[i])
	}
	dst = x.appendFraming(dst)
	dst = x.appendOwn(dst)
	return append(dst, "\r\n"...)
}

func (x *exchange) appendLine(dst []byte, l *line) []byte {
	switch l.kind {
	case policy.Forward:
		if len(x.head.dropped) > 0 && x.head.isDropped(l.name) {
			return dst
		}
		return appendHeader(dst, l.name, l.value)
	case policy.Cookie:
		if len(x.head.dropped) > 0 && x.head.isDropped(l.name) {
			return dst
		}
		x.scratch = x.snapshot.Table.AppendForeignCookies(x.scratch[:0], l.value)
		if len(x.scratch) == 0 {
			return dst
		}
		return appendHeader(dst, l.name, x.scratch)
	case policy.Trailer:
		if x.body != bodyChunked {
			return dst
		}
		return appendAnnounced(dst, l.value)
	default: // the gateway writes it itself, or nobody does
		return dst
	}
}

// appendAnnounced says which trailers follow, of those that are passed on.
func appendAnnounced(dst, list []byte) []byte {
	begin, name := len(dst), "Trailer: "
	for token := range bytes.SplitSeq(list, []byte{','}) {
		if token = trim(token); isToken(token) && policy.IsTrailer(token) {
			dst = append(append(dst, name...), token...)
			name = ", "
		}
	}
	if len(dst) == begin {
		return dst
	}
	return append(dst, "\r\n"...)
}

func appendHeader(dst, name, value []byte) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

// appendFraming says how long the body is. It comes from what the gateway reads,
// never from the client's lines.
func (x *exchange) appendFraming(dst []byte) []byte {
	switch {
	case x.body == bodyChunked:
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	case x.body == bodyBuffered: // perhaps from chunks
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(len(x.content)), 10)
		dst = append(dst, "\r\n"...)
	case x.body != noBody:
		dst = append(dst, "Content-Length: "...)
		dst = strconv.AppendInt(dst, int64(x.ctx.Request.Header.ContentLength()), 10)
		dst = append(dst, "\r\n"...)
	case x.head.lengths > 0 || takesBody(x.view.Method):
		dst = append(dst, "Content-Length: 0\r\n"...)
	}
	if x.interim {
		dst = append(dst, "Expect: 100-continue\r\n"...)
	}
	if x.head.upgrade != nil {
		dst = append(dst, "Connection: Upgrade\r\nUpgrade: "...)
		dst = append(dst, x.head.upgrade...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}

// takesBody tells which methods say that their body is empty.
func takesBody(method []byte) bool {
	switch string(method) {
	case "POST", "PUT", "PATCH":
		return true
	}
	return false
}

// appendOwn says what only the gateway can know of the request.
func (x *exchange) appendOwn(dst []byte) []byte { return x.appendPerson(x.appendOrigin(dst)) }

// appendOrigin says where the request came from and which trace it belongs to.
func (x *exchange) appendOrigin(dst []byte) []byte {
	dst = x.appendForwarded(dst)
	dst = append(dst, "X-Request-Id: "...)
	dst = append(dst, x.requestID...)
	dst = append(dst, "\r\nTraceparent: "...)
	dst = x.appendTrace(dst)
	return append(dst, "\r\n"...)
}

// remaining is the route's whole time again: what an owner may take from the last
// byte it was sent.
func (x *exchange) remaining() time.Time { return time.Now().Add(x.timeout) }
