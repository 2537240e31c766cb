package dataplane

import (
	"errors"
	"io"
	"slices"
	"time"

	"banyan.dev/gateway/internal/config"
)

// largestKept is the largest buffer for a body that an exchange keeps for the next
// request.
const largestKept = 64 << 10

// keepsUpTo is how long a body is kept on this route, to be sent again when the owner
// turns out not to be the one any more. 0 is none beyond what is short anyway.
func (x *exchange) keepsUpTo() int64 {
	switch limit := x.route.MaxBody; {
	case x.route.Resource == "":
		return 0
	case limit == 0:
		return config.BufferedBody
	default:
		return min(limit, config.LongestBuffered)
	}
}

// mayKeep tells whether the body is, or may turn out to be, short enough to be kept.
func (x *exchange) mayKeep() bool {
	limit := x.keepsUpTo()
	return limit > 0 && (x.body == bodyChunked || x.body == bodySized && int64(x.ctx.Request.Header.ContentLength()) <= limit)
}

// keepBody reads a body to its end before anybody is asked, unless it is too long. So
// a client that sends slowly isn't in flight either, and no hold waits for it.
func (x *exchange) keepBody() error {
	if !x.mayKeep() || x.client == nil || !x.reserve() {
		return nil
	}
	x.client.bodyStall.Store(int64(x.server.limits.BodyStall))
	x.client.pace = pace{}
	defer x.client.bodyStall.Store(0)
	keep := x.keepSized
	if x.body == bodyChunked {
		keep = x.keepChunks
	}
	if err := keep(); err != nil {
		return err
	}
	x.beginAnew()
	return nil
}

// reserve takes what the body may need of the room that all kept bodies share. False
// is a body that streams: it can't be sent again, and is lost nowhere else.
func (x *exchange) reserve() bool {
	need := x.keepsUpTo()
	if x.body == bodySized {
		need = int64(x.ctx.Request.Header.ContentLength())
	}
	if x.server.kept.Add(need) > x.server.limits.Kept {
		x.server.kept.Add(-need)
		return false
	}
	x.reserved = need
	return true
}

// unreserve gives back what is beyond the bytes that the body takes.
func (x *exchange) unreserve(taken int64) {
	if spare := x.reserved - taken; spare > 0 {
		x.server.kept.Add(-spare)
		x.reserved = taken
	}
}

func (x *exchange) keepSized() error {
	n := x.ctx.Request.Header.ContentLength()
	x.content = slices.Grow(x.content[:0], n)[:n]
	if _, err := io.ReadFull(x.ctx.RequestBodyStream(), x.content); err != nil {
		return clientFault(err)
	}
	x.body = bodyBuffered
	return nil
}

// beginAnew lets the owner's time begin now: what went before was the client's.
func (x *exchange) beginAnew() {
	x.begun = time.Now()
	x.deadline = x.begun.Add(x.timeout)
}

// keepChunks reads a body whose length nobody knows. One that is too long is streamed
// all the same, with what was read of it before the rest.
func (x *exchange) keepChunks() error {
	limit, from := x.keepsUpTo(), chunkReader{x.client}
	x.content = x.content[:0]
	for {
		x.content = slices.Grow(x.content, bufferedBody)
		n, err := from.Read(x.content[len(x.content):cap(x.content)])
		x.content = x.content[:len(x.content)+n]
		switch size := int64(len(x.content)); {
		case x.route.MaxBody > 0 && size > x.route.MaxBody:
			return errTooLarge
		case errors.Is(err, io.EOF):
			x.body = bodyBuffered
			x.unreserve(size)
			return nil
		case err != nil:
			return clientFault(err)
		case size > limit:
			return nil
		}
	}
}
