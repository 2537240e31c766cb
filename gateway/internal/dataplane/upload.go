package dataplane

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/upstream"
)

// upload carries a long body to the owner, beside the goroutine that waits for the
// answer: an owner may answer before it has read everything.
type upload struct {
	done    chan struct{}
	ending  atomic.Bool // the last bytes are being sent
	whole   atomic.Bool
	clients atomic.Pointer[refusal] // the client's fault

	mu       sync.Mutex
	answered bool
}

// answering tells that the answer has begun: from here on its own bounds count.
func (u *upload) answering() {
	if u == nil {
		return
	}
	u.mu.Lock()
	u.answered = true
	u.mu.Unlock()
}

// allow gives the owner so much time for its answer, unless it has begun.
func (u *upload) allow(conn *upstream.Conn, d time.Duration) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.answered {
		conn.SetDeadline(time.Now().Add(d))
	}
}

// complete tells whether the whole body was read and sent.
func (u *upload) complete() bool { return u.whole.Load() }

// blame is the client's fault, or nil.
func (u *upload) blame() error {
	if r := u.clients.Load(); r != nil {
		return r
	}
	return nil
}

// almostDone is how long an answer waits for its upload to say that it is
// complete: the owner saw the last byte before the uploader got word of it. One
// that is sending its last bytes gets as long as a busy machine may take.
const (
	almostDone = 5 * time.Millisecond
	nearlyDone = time.Second
)

func (x *exchange) startUpload() {
	u := &upload{done: make(chan struct{})}
	x.upload = u
	if x.client != nil {
		x.client.bodyStall.Store(int64(x.server.limits.BodyStall))
		x.client.pace = pace{}
		gone := x.client.gone
		x.conn.Gone = func() bool { return u.complete() && gone() } // until then the upload notices
	}
	c := carrier{
		body: x.ctx.RequestBodyStream(), conn: x.conn, upload: u,
		chunked: x.body == bodyChunked, limit: x.route.MaxBody, patience: x.timeout,
		length: int64(x.ctx.Request.Header.ContentLength()),
	}
	if c.chunked {
		c.body, c.client = chunkReader{x.client}, x.client
		if len(x.content) > 0 { // it was too long to be kept
			c.body = io.MultiReader(bytes.NewReader(x.content), c.body)
		}
	}
	// As long as the gateway waits for the client, an owner that waits too is not late.
	x.conn.SetSilence(0)
	go c.run()
}

// settleUpload waits briefly for an upload whose answer has begun, and tells
// whether it is complete.
func (x *exchange) settleUpload() bool {
	if x.upload == nil || x.upload.complete() {
		return true
	}
	if !x.upload.wait(almostDone) && x.upload.ending.Load() {
		x.upload.wait(nearlyDone)
	}
	return x.upload.complete()
}

// wait tells whether the upload ended within the time.
func (u *upload) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-u.done:
		return true
	case <-timer.C:
		return false
	}
}

// stopUpload ends the upload and waits for it: it reads from the buffer that the
// next request would be read from.
func (x *exchange) stopUpload() {
	if x.upload == nil {
		return
	}
	if x.client != nil && !x.upload.complete() {
		x.client.abortRead()
	}
	<-x.upload.done
}

// carrier is one upload at work.
type carrier struct {
	body     io.Reader
	conn     *upstream.Conn
	upload   *upload
	client   *client // of a chunked body
	chunked  bool
	limit    int64
	patience time.Duration
	length   int64 // of a sized body
	sent     int64
}

// chunkRoom is left before and after what was read, for a chunk's frame.
const chunkRoom = 16

var copyBuffers = sync.Pool{New: func() any {
	b := make([]byte, chunkRoom+32<<10+chunkRoom)
	return &b
}}

// gatherBuffers hold what leaves in one piece.
var gatherBuffers = sync.Pool{New: func() any {
	b := make([]byte, 0, 32<<10)
	return &b
}}

func (c *carrier) run() {
	defer close(c.upload.done)
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	for {
		n, err := c.body.Read((*buffer)[chunkRoom : len(*buffer)-chunkRoom])
		c.sent += int64(n)
		if c.limit > 0 && c.sent > c.limit {
			c.blame(errTooLarge)
			return
		}
		if !c.chunked && c.sent == c.length {
			c.upload.ending.Store(true)
		}
		if n > 0 && !c.write(*buffer, n) {
			return
		}
		if errors.Is(err, io.EOF) && !c.chunked && c.sent < c.length {
			err = io.ErrUnexpectedEOF // fasthttp's stream ends quietly where the client did
		}
		if errors.Is(err, io.EOF) {
			c.finish()
			return
		}
		if err != nil {
			c.blame(clientFault(err))
			return
		}
	}
}

// write sends what was read. A failure is the owner's: it may have answered
// already, which the goroutine that reads the answer will see.
func (c *carrier) write(buffer []byte, n int) bool {
	from, to := chunkRoom, chunkRoom+n
	if c.chunked {
		size := strconv.AppendInt(make([]byte, 0, chunkRoom), int64(n), 16)
		size = append(size, "\r\n"...)
		from -= len(size)
		copy(buffer[from:], size)
		to += copy(buffer[to:], "\r\n")
	}
	until := time.Now().Add(c.patience)
	if c.conn.SetWriteDeadline(until) != nil {
		return false
	}
	if _, err := c.conn.Write(buffer[from:to]); err != nil {
		c.upload.allow(c.conn, 0) // it takes nothing: what it has said is all there is
		return false
	}
	return true
}

func (c *carrier) finish() {
	if c.chunked {
		c.upload.ending.Store(true)
		end := append([]byte("0\r\n"), c.client.chunks.trailers...)
		if _, err := c.conn.Write(append(end, "\r\n"...)); err != nil {
			return
		}
	}
	c.upload.allow(c.conn, c.patience) // the owner's time begins with what it got last
	c.upload.whole.Store(true)
}

// blame notes the client's fault and ends the connection to the owner, so that it
// never takes half a body for a whole one.
func (c *carrier) blame(r *refusal) {
	c.upload.clients.Store(r)
	c.conn.Discard()
}

func clientFault(err error) *refusal {
	var n net.Error
	if errors.As(err, &n) && n.Timeout() {
		return errSlow
	}
	return errBroken
}
