package dataplane

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"

	"github.com/valyala/fasthttp"
)

// Why an owner's answer is not believed. Whoever reads it leniently could find two
// answers in it, and give the second one to somebody else (RFC 9112, section 11.1).
var (
	errStatusLine = errors.New("the answer has no proper status line")
	errAnswerLine = errors.New("a header of the answer is malformed")
	errAmbiguous  = errors.New("the answer ends in more than one place")
	errAnswerHead = errors.New("the answer's head is too large")
	errInterims   = errors.New("interim answers have no end")
)

// maxInterims is how many interim answers may come before the answer.
const maxInterims = 32

// readHead reads one head, when it is there as a whole and says one thing.
func (x *exchange) readHead() error {
	size, err := awaitAnswer(x.conn.R)
	if err != nil {
		return err
	}
	text, err := x.conn.R.Peek(size)
	if err != nil {
		return err
	}
	trailers, err := checkAnswer(text)
	if err != nil {
		return err
	}
	h := &x.ctx.Response.Header
	if err := h.Read(x.conn.R); err != nil {
		return fmt.Errorf("read the answer's head: %w", err)
	}
	if trailers > 1 {
		announceAll(h, text)
	}
	return nil
}

// announceAll mends that fasthttp keeps only the last line that announces trailers.
// The text is still in the buffer it was read from.
func announceAll(h *fasthttp.ResponseHeader, text []byte) {
	add := h.SetTrailerBytes
	for line := range bytes.SplitSeq(text, crlf) {
		if list, ok := valueOf(line, "trailer"); ok {
			_ = add(list) // those that are forbidden end here
			add = h.AddTrailerBytes
		}
	}
}

// awaitAnswer waits until a head is in the reader's buffer and returns its length.
func awaitAnswer(r *bufio.Reader) (int, error) {
	var f framing
	for {
		b, err := r.Peek(r.Buffered())
		if err != nil {
			return 0, err
		}
		if f.scan(b) {
			break
		}
		if _, err := r.Peek(len(b) + 1); err != nil {
			if errors.Is(err, bufio.ErrBufferFull) {
				return 0, errAnswerHead
			}
			return 0, err
		}
	}
	if f.wrong != nil {
		return 0, errAmbiguous // whatever it is called when a client does it
	}
	return f.at, nil
}

// checkAnswer holds a head against the grammar, and counts the lines that announce
// trailers. A header folded over two lines is let through: fasthttp makes one line
// of it, as RFC 9112, section 5.2, asks for.
func checkAnswer(text []byte) (trailers int, err error) {
	line, rest, _ := bytes.Cut(text, crlf)
	if !isStatusLine(line) {
		return 0, errStatusLine
	}
	old := line[len("HTTP/1.")] == '0'
	for first := true; len(rest) > len(crlf); first = false {
		line, rest, _ = bytes.Cut(rest, crlf)
		if !isText(line) {
			return 0, errAnswerLine
		}
		if line[0] == ' ' || line[0] == '\t' {
			if first {
				return 0, errAnswerLine
			}
			continue
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 || !isToken(line[:colon]) {
			return 0, errAnswerLine
		}
		switch name := line[:colon]; {
		case old && isNamed(name, "transfer-encoding"):
			return 0, errAnswerLine
		case isNamed(name, "trailer"):
			trailers++
		}
	}
	return trailers, nil
}

var crlf = []byte("\r\n")

// isStatusLine takes HTTP/1.0 or HTTP/1.1, and a status from 100 to 999.
func isStatusLine(b []byte) bool {
	const start, status = len("HTTP/1."), len("HTTP/1.1 ")
	if len(b) < status+3 || string(b[:start]) != "HTTP/1." || b[start] != '0' && b[start] != '1' || b[start+1] != ' ' {
		return false
	}
	return b[status] != '0' && isDigits(b[status:status+3]) && (len(b) == status+3 || b[status+3] == ' ') && isText(b)
}
