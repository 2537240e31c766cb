package dataplane

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"

	"banyan.dev/gateway/internal/config"
)

// stream is the body of an answer on its way through. fasthttp reads it after the
// handler has returned, in the same goroutine, and closes it.
type stream struct {
	x        *exchange
	from     io.Reader
	left     int64 // of a sized body
	sized    bool
	chunked  bool
	reusable bool
	ended    bool // the owner sent all of it
	closed   bool
}

// stream hands the answer's body over to fasthttp piece by piece.
func (x *exchange) stream(length int, reusable bool) {
	x.streaming = true
	x.boundSilence()
	s := &stream{x: x, from: x.conn.R, left: int64(length), sized: length > 0, chunked: length == -1, reusable: reusable}
	res := &x.ctx.Response
	if s.chunked {
		s.from = &unchunker{r: x.conn.R, before: x.client.flush}
	}
	if !s.sized && !x.ctx.Request.Header.IsHTTP11() {
		x.streamUntilClose(s)
		return
	}
	// Nothing of the body is there yet: the head must not wait for it, else a
	// stream of events would seem dead until its first one.
	res.ImmediateHeaderFlush = x.conn.R.Buffered() == 0
	if !s.sized { // fasthttp writes chunks of 4 KiB, each by itself
		x.client.gather()
	}
	res.SetBodyStream(s, max(length, -1)) // without a length it has chunks
}

// boundSilence lets an answer take as long as it likes, but not be silent for too
// long, unless silence is its nature.
func (x *exchange) boundSilence() {
	if bytes.HasPrefix(x.ctx.Response.Header.ContentType(), []byte("text/event-stream")) {
		x.conn.SetSilence(0)
		x.settleEarly()
		return
	}
	x.conn.SetSilence(max(x.timeout, config.DefaultTimeout))
}

// streamUntilClose answers HTTP/1.0, which knows no chunks: the end of the body is
// the end of the connection.
func (x *exchange) streamUntilClose(s *stream) {
	h := &x.ctx.Response.Header
	h.DelBytes([]byte("Transfer-Encoding"))
	h.DelBytes([]byte("Trailer"))
	h.SetConnectionClose()
	head := bytes.Clone(h.Header())
	x.hijack(func(net.Conn) {
		defer s.Close()
		if _, err := x.client.Write(head); err != nil {
			return
		}
		_, _ = io.Copy(x.client, reader{s})
	})
}

// reader hides that a stream can write itself.
type reader struct{ io.Reader }

// Read returns what the owner has sent, or waits for more.
func (s *stream) Read(p []byte) (int, error) {
	if s.sized && int64(len(p)) > s.left {
		p = p[:s.left]
	}
	if s.ended || s.sized && s.left == 0 {
		s.ended = true
		return 0, io.EOF
	}
	if !s.chunked && s.x.conn.R.Buffered() == 0 {
		if err := s.x.client.flush(); err != nil {
			return 0, err
		}
	}
	n, err := s.from.Read(p)
	s.x.copy.Body(p[:max(n, 0)])
	s.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, err
	case s.sized && s.left > 0:
		return n, io.ErrUnexpectedEOF
	}
	if s.chunked {
		s.trailers()
	}
	s.ended = true
	return n, io.EOF
}

// trailers reads what follows the last chunk. Those that the head announced are
// passed on, by fasthttp; others end here.
func (s *stream) trailers() {
	h := &s.x.ctx.Response.Header
	if err := s.x.client.flush(); err != nil {
		s.reusable = false
		return
	}
	if err := h.ReadTrailer(s.x.conn.R); err != nil {
		s.reusable = false
		return
	}
	// fasthttp finds a trailer only in the spelling it was announced in.
	for _, announced := range h.PeekTrailerKeys() {
		for name, value := range h.All() {
			if bytes.EqualFold(name, announced) && !bytes.Equal(name, announced) {
				h.SetCanonical(announced, bytes.Clone(value))
				break
			}
		}
	}
}

// WriteTo writes a sized body. Before each wait for more, the client gets what is
// there: a slow body arrives as it comes.
func (s *stream) WriteTo(w io.Writer) (int64, error) {
	out, ok := w.(*bufio.Writer)
	if !ok {
		return io.Copy(w, reader{s})
	}
	buffer := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buffer)
	var total int64
	for {
		if s.left > 0 && s.x.conn.R.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return total, err
			}
		}
		n, err := s.Read(*buffer)
		if n > 0 {
			if _, err := out.Write((*buffer)[:n]); err != nil {
				return total, err
			}
			total += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// Close ends the exchange. A body that was not read to its end, because the
// client left or the owner broke off, costs the connection to the owner: that is
// how the owner learns that nobody listens.
func (s *stream) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	x := s.x
	x.client.corked = false // what is left goes with fasthttp's last bytes
	if s.sized && s.left == 0 {
		s.ended = true
	}
	x.whole = s.ended
	if s.ended {
		x.release(s.reusable)
	} else {
		x.abandon()
	}
	x.let()
	return nil
}
