package dataplane

import (
	"bytes"
)

// maxLines is the most header lines that a request may have.
const maxLines = 256

// framing finds where a request's head ends and how its body goes on: what must be
// known before anybody may read the request. It looks at line ends and at the two
// headers that frame a body, and leaves everything else to head.
type framing struct {
	at              int // behind the last whole line
	lines           int // the request line included
	length          int64
	lengths         int
	codings         int
	wrong           *refusal // another reader could find another end
	complete, ended bool     // the head is there; there is no use in reading on
}

// Why a request's end can't be trusted.
var (
	wrongEOL    = malformed(errBareEOL)
	wrongTwice  = malformed(errTwoLengths)
	wrongLength = malformed(errLength)
	wrongCoding = malformed(errCoding)
)

func malformed(err error) *refusal {
	return &refusal{status: 400, kind: "malformed", detail: "The request was refused: " + err.Error() + "."}
}

// scan goes on where it stopped, with more of the same head, and tells whether it
// has seen enough.
func (f *framing) scan(b []byte) bool {
	for !f.ended {
		end := bytes.IndexByte(b[f.at:], '\n')
		if end < 0 {
			return false
		}
		line := b[f.at : f.at+end]
		f.at += end + 1
		f.line(line)
	}
	return true
}

func (f *framing) line(line []byte) {
	if len(line) == 0 || line[len(line)-1] != '\r' {
		f.wrong, f.ended = wrongEOL, true
		return
	}
	line = line[:len(line)-1]
	if len(line) == 0 {
		f.complete, f.ended = true, true
		f.check()
		return
	}
	if f.lines++; f.lines > maxLines+1 {
		f.wrong, f.ended = errHeadSize, true
		return
	}
	if f.lines > 1 {
		f.header(line)
	}
}

// header notes a line that frames the body.
func (f *framing) header(line []byte) {
	switch line[0] | 0x20 {
	case 'c':
		if value, ok := valueOf(line, "content-length"); ok {
			f.lengths++
			if f.length, ok = parseLength(value); !ok {
				f.wrong = wrongLength
			}
		}
	case 't':
		if value, ok := valueOf(line, "transfer-encoding"); ok {
			f.codings++
			if !isNamed(value, "chunked") {
				f.wrong = wrongCoding
			}
		}
	}
}

func (f *framing) check() {
	if f.wrong == nil && f.lengths+f.codings > 1 {
		f.wrong = wrongTwice
	}
}

// size is how long the head and a body with a length are.
func (f *framing) size() int64 { return int64(f.at) + f.length }

// valueOf returns the value of a header line with the name, given in small letters.
func valueOf(line []byte, name string) ([]byte, bool) {
	if len(line) <= len(name) || line[len(name)] != ':' || !isNamed(line[:len(name)], name) {
		return nil, false
	}
	return trim(line[len(name)+1:]), true
}

// isNamed compares with a text in small letters, in ASCII: to Unicode a K is also
// the sign of a Kelvin.
func isNamed(b []byte, small string) bool {
	if len(b) != len(small) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != small[i] {
			return false
		}
	}
	return true
}

func parseLength(b []byte) (int64, bool) {
	if !isDigits(b) {
		return 0, false
	}
	var n int64
	for _, c := range b {
		n = n*10 + int64(c-'0')
	}
	return n, true
}
