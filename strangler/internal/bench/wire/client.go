package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Target is what clients ask, and whom.
type Target struct {
	Address string // host:port
	// Path with its query.
	Path string
	// SignIn is asked once by each client, first. What cookies its answer sets the
	// client sends from then on.
	SignIn string
}

// answerBuffer takes a whole answer of the usual lengths at once.
const answerBuffer = 16 << 10

// client is one connection of one user.
type client struct {
	target  *Target
	number  int
	conn    net.Conn
	request []byte
	cookies []string
	// ending says that the last answer announced the connection's end.
	ending bool
}

var errStatus = errors.New("the answer is no success")

// dial opens the connection. Clients beyond the first few thousand come from other
// loopback addresses: one address has 28,000 ports for all of them.
func (c *client) dial(ctx context.Context) error {
	dialer := net.Dialer{LocalAddr: source(c.number)}
	conn, err := dialer.DialContext(ctx, "tcp", c.target.Address)
	if err != nil {
		return err
	}
	c.conn, c.ending = conn, false
	return nil
}

// until lets f use the connection, and ends what f waits for when ctx ends.
func (c *client) until(ctx context.Context, f func() error) error {
	conn := c.conn
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := f(); err != nil {
		return errors.Join(ctx.Err(), err)
	}
	return nil
}

func (c *client) close() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// signIn makes the client a user with cookies of its own.
func (c *client) signIn(buf []byte) error {
	c.write(c.target.SignIn)
	if err := c.ask(buf, c.learn); err != nil {
		return fmt.Errorf("GET %s: %w", c.target.SignIn, err)
	}
	c.write(c.target.Path)
	return nil
}

// write makes the request that ask sends, with the headers that programs send.
func (c *client) write(path string) {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: bench.example\r\nUser-Agent: banyan-bench/1\r\n", path)
	b.WriteString("Accept: application/json\r\nAccept-Language: en\r\n")
	if len(c.cookies) > 0 {
		b.WriteString("Cookie: " + strings.Join(c.cookies, "; ") + "\r\n")
	}
	b.WriteString("\r\n")
	c.request = []byte(b.String())
}

// learn notes the cookies that an answer sets.
func (c *client) learn(name, value []byte) {
	if !equalFold(name, "set-cookie") {
		return
	}
	pair, _, _ := strings.Cut(string(value), ";")
	key, _, _ := strings.Cut(pair, "=")
	c.cookies = slices.DeleteFunc(c.cookies, func(known string) bool { return strings.HasPrefix(known, key+"=") })
	c.cookies = append(c.cookies, pair)
}

// head is what of an answer's head counts here.
type head struct {
	ok     bool // 200
	length int  // of the body
	ending bool // the connection ends with it
}

// ask sends the request and reads the answer to its end. each, if not nil, gets
// the answer's headers. An answer that is not 200 is an errStatus, and the
// connection can be used after it.
func (c *client) ask(buf []byte, each func(name, value []byte)) error {
	if _, err := c.conn.Write(c.request); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	filled, end := 0, -1
	for end < 0 {
		n, err := c.conn.Read(buf[filled:])
		if err != nil {
			return fmt.Errorf("wait for an answer: %w", err)
		}
		if n == 0 {
			return fmt.Errorf("the answer's head is longer than %d bytes", len(buf))
		}
		filled += n
		end = bytes.Index(buf[:filled], []byte("\r\n\r\n"))
	}
	h, err := readHead(buf[:end+2], each)
	if err != nil {
		return err
	}
	if !h.ok {
		err = fmt.Errorf("%w: %.500s", errStatus, bytes.TrimSpace(buf[:filled]))
	}
	c.ending = h.ending
	for left := h.length - (filled - end - 4); left > 0; {
		n, err := c.conn.Read(buf[:min(left, len(buf))])
		if err != nil {
			return fmt.Errorf("read the answer's body: %w", err)
		}
		left -= n
	}
	return err
}

func readHead(text []byte, each func(name, value []byte)) (head, error) {
	h := head{length: -1}
	if !bytes.HasPrefix(text, []byte("HTTP/1.1 ")) {
		return h, fmt.Errorf("%.60q is no answer of HTTP/1.1", text)
	}
	h.ok = bytes.HasPrefix(text, []byte("HTTP/1.1 200"))
	_, rest, _ := bytes.Cut(text, []byte("\r\n"))
	for len(rest) > 0 {
		var line []byte
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimSpace(value)
		switch {
		case equalFold(name, "content-length"):
			length, err := strconv.Atoi(string(value)) // no copy is made of so short a text
			if err != nil || length < 0 {
				return h, fmt.Errorf("%q is no Content-Length", value)
			}
			h.length = length
		case equalFold(name, "connection"):
			h.ending = equalFold(value, "close")
		}
		if each != nil {
			each(name, value)
		}
	}
	if h.length < 0 {
		return h, fmt.Errorf("the answer has no Content-Length, which is all these clients read:\n%s", text)
	}
	return h, nil
}

// equalFold compares with an ASCII text in small letters.
func equalFold(b []byte, small string) bool {
	if len(b) != len(small) {
		return false
	}
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != small[i] {
			return false
		}
	}
	return true
}
