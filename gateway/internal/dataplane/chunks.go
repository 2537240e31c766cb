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
	open     bool  // its end has not come
	left     int64 // of the chunk at hand
	data     bool  // the chunk at hand had data, which ends in CR LF
	excess   int64
	trailers []byte // whole lines that may be passed on
}

// chunkReader reads a chunked body from a client, to its last byte and not further.
// It is strict: line ends are CR LF, sizes are digits, and nothing hides in
// extensions or trailers.
type chunkReader struct{ *client }

// Read returns data, and io.EOF behind the trailers.
func (r chunkReader) Read(p []byte) (int, error) {
	c := &r.chunks
	for c.left == 0 {
		if !c.open {
			return 0, io.EOF
		}
		if err := r.nextChunk(); err != nil {
			return 0, whole(err)
		}
	}
	n, err := r.next(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, whole(err)
}

// whole says of an end that it came too early.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r chunkReader) nextChunk() error {
	c := &r.chunks
	if c.data {
		if line, err := r.line(len("\r\n")); err != nil || len(line) > 0 {
			return cmpErr(err, errChunk)
		}
	}
	line, err := r.line(maxChunkLine)
	if err != nil {
		return err
	}
	size, ok := parseChunkSize(line)
	if !ok {
		return errChunk
	}
	c.excess = max(0, c.excess+int64(len(line))+4-16-2*size)
	if c.excess > maxExcess {
		return errChunk
	}
	c.left, c.data = size, true
	if size > 0 {
		return nil
	}
	return r.readTrailers()
}

// line returns the next line without its end. It is valid until the next read.
func (r chunkReader) line(longest int) ([]byte, error) {
	for {
		ahead := r.room[r.from:]
		if i := bytes.IndexByte(ahead, '\n'); i >= 0 {
			if i == 0 || ahead[i-1] != '\r' || i >= longest {
				return nil, errChunk
			}
			r.from += i + 1
			return ahead[:i-1], nil
		}
		if len(ahead) >= longest {
			return nil, errChunk
		}
		if err := r.more(false); err != nil {
			return nil, err
		}
	}
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

// readTrailers reads what follows the last chunk, keeps what may be passed on, and
// closes the body.
func (r chunkReader) readTrailers() error {
	c := &r.chunks
	for total := 0; ; {
		line, err := r.line(maxTrailers)
		if err != nil {
			return err
		}
		if total += len(line) + 2; total > maxTrailers {
			return errTrailer
		}
		if len(line) == 0 {
			c.open = false
			r.leaveEmptyRoom()
			return nil
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 || !isToken(line[:colon]) || !isText(line) {
			return errTrailer
		}
		switch name := line[:colon]; {
		case policy.FramesRequest(name):
			return errTrailer
		case policy.IsTrailer(name):
			c.trailers = appendHeader(c.trailers, name, trim(line[colon+1:]))
		}
	}
}

// cmpErr is the first, or the other where there is none.
func cmpErr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
