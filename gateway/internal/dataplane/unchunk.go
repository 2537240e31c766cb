package dataplane

import (
	"bufio"
	"bytes"
	"cmp"
	"io"
)

// unchunker reads a chunked answer from an owner. It differs from httputil's reader
// in telling before it waits: what was read until then goes to the client first.
type unchunker struct {
	r      *bufio.Reader
	before func() error // before each wait
	left   int64        // of the chunk at hand
	begun  bool
	ended  bool
}

// Read returns data, and io.EOF behind the last chunk. Trailers are left unread.
func (u *unchunker) Read(p []byte) (int, error) {
	for u.left == 0 {
		if u.ended {
			return 0, io.EOF
		}
		if err := u.nextChunk(); err != nil {
			return 0, whole(err)
		}
	}
	if u.r.Buffered() == 0 {
		if err := u.before(); err != nil {
			return 0, err
		}
	}
	n, err := u.r.Read(p[:min(int64(len(p)), u.left)])
	u.left -= int64(n)
	return n, whole(err)
}

func (u *unchunker) nextChunk() error {
	if u.begun {
		if line, err := u.line(len("\r\n")); err != nil || len(line) > 0 {
			return cmp.Or(err, errChunk)
		}
	}
	line, err := u.line(maxChunkLine)
	if err != nil {
		return err
	}
	size, ok := parseChunkSize(line)
	if !ok {
		return errChunk
	}
	u.left, u.begun, u.ended = size, true, size == 0
	return nil
}

// line returns the next line without its end. It is valid until the next read.
func (u *unchunker) line(longest int) ([]byte, error) {
	for {
		ahead, err := u.r.Peek(u.r.Buffered())
		if err != nil {
			return nil, err
		}
		if i := bytes.IndexByte(ahead, '\n'); i >= 0 {
			if i == 0 || ahead[i-1] != '\r' || i >= longest {
				return nil, errChunk
			}
			_, err := u.r.Discard(i + 1)
			return ahead[:i-1], err
		}
		if len(ahead) >= longest {
			return nil, errChunk
		}
		if err := u.before(); err != nil {
			return nil, err
		}
		if _, err := u.r.Peek(len(ahead) + 1); err != nil {
			return nil, err
		}
	}
}
