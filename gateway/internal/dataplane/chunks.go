package dataplane

import (
	"bytes"
	"errors"
	"io"

	"banyan.dev/gateway/internal/policy"
)

// Bounds of what a chunked body may hold beside data. The sender of a chunk pays
// for its frame with data: of each chunk 16 bytes are free, and two for each byte
// of data (as net/http counts, CVE-2023-39326).
const (
	maxChunkLine = 1 << 10
	maxExcess    = 16 << 10
	maxTrailers  = 4 << 10
	maxChunk     = 1 << 50
)

var (
	errChunk   = errors.New("a chunk is malformed")
	errTrailer = errors.New("a trailer is malformed")
)

// chunks is a chunked body on its way in.
type chunks struct {
	open     bool // its end has not come
	behind   bool // the CR LF of a chunk's data comes next
	last     bool // trailers come next
	stuck    bool // the next line is not whole
	left     int64
	excess   int64
	section  int    // length of the trailers
	trailers []byte // whole lines that may be passed on
}

// chunkReader reads a chunked body from a client, to its last byte and not further.
// It is strict: line ends are CR LF, sizes are digits, and nothing hides in
// extensions or trailers. What comes in one piece is decoded in place, and goes on
// in one piece.
type chunkReader struct{ *client }

// Read returns data, and io.EOF behind the trailers. A line must fit into p.
func (r chunkReader) Read(p []byte) (int, error) {
	if len(p) < maxTrailers {
		return 0, io.ErrShortBuffer
	}
	for r.chunks.open {
		n := copy(p, r.room[r.from:])
		if r.from += n; r.from == len(r.room) {
			r.leaveRoom()
		}
		if r.room == nil && (n == 0 || r.chunks.stuck) {
			m, err := r.receive(p[n:])
			if err != nil {
				return 0, whole(err)
			}
			n += m
		}
		if n, err := r.decode(p[:n]); n > 0 || err != nil {
			return n, err
		}
	}
	return 0, io.EOF
}

// whole says of an end that it came too early.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// decode moves the data to the front, and returns how much it is. What can't be
// decoded without more of it is kept.
func (r chunkReader) decode(b []byte) (n int, err error) {
	c := &r.chunks
	rest := b
	for len(rest) > 0 && c.open {
		if c.left > 0 {
			m := copy(b[n:], rest[:min(int64(len(rest)), c.left)])
			n, rest = n+m, rest[m:]
			c.left -= int64(m)
			continue
		}
		end := bytes.IndexByte(rest, '\n')
		if longest := c.longest(); end >= longest || end < 0 && len(rest) >= longest || end == 0 || end > 0 && rest[end-1] != '\r' {
			return 0, errChunk
		}
		if c.stuck = end < 0; c.stuck {
			break
		}
		if err := c.line(rest[:end-1]); err != nil {
			return 0, err
		}
		rest = rest[end+1:]
	}
	if r.room != nil { // where it came from
		r.from -= len(rest)
	} else {
		r.keep(rest)
	}
	return n, nil
}

// longest is how long the next line may be.
func (c *chunks) longest() int {
	switch {
	case c.last:
		return maxTrailers
	case c.behind:
		return len("\r\n")
	}
	return maxChunkLine
}

// line takes the next line, without its end.
func (c *chunks) line(text []byte) error {
	switch {
	case c.last:
		return c.trailer(text)
	case c.behind:
		if len(text) > 0 {
			return errChunk
		}
		c.behind = false
		return nil
	}
	size, ok := parseChunkSize(text)
	if !ok {
		return errChunk
	}
	c.excess = max(0, c.excess+int64(len(text))+4-16-2*size)
	if c.excess > maxExcess {
		return errChunk
	}
	c.left, c.behind, c.last = size, size > 0, size == 0
	return nil
}

// trailer takes a line behind the last chunk. The empty one ends the body.
func (c *chunks) trailer(text []byte) error {
	if c.section += len(text) + 2; c.section > maxTrailers {
		return errTrailer
	}
	if len(text) == 0 {
		c.open = false
		return nil
	}
	colon := bytes.IndexByte(text, ':')
	if colon <= 0 || !isToken(text[:colon]) || !isText(text) {
		return errTrailer
	}
	switch name := text[:colon]; {
	case policy.FramesRequest(name):
		return errTrailer
	case policy.IsTrailer(name):
		c.trailers = appendHeader(c.trailers, name, trim(text[colon+1:]))
	}
	return nil
}

// parseChunkSize reads a chunk's first line: hexadecimal digits, and perhaps
// extensions, which end here (RFC 9112, section 7.1.1).
func parseChunkSize(line []byte) (size int64, ok bool) {
	digits := 0
	for digits < len(line) {
		d := hexDigit(line[digits])
		if d < 0 {
			break
		}
		size = size<<4 | int64(d)
		if digits++; size > maxChunk || digits > 16 {
			return 0, false
		}
	}
	rest := trim(line[digits:])
	return size, digits > 0 && isText(rest) && (len(rest) == 0 || rest[0] == ';')
}

func hexDigit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// isText takes what may stand in a header's value.
func isText(b []byte) bool {
	for _, c := range b {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
