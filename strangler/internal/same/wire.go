package same

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// side is one of the two addresses, with the cookies of who is signed in there.
type side struct {
	name    string
	url     *url.URL
	host    string
	timeout time.Duration
	cookies string // the Cookie header of the author's session there
	post    string // the id of a post made there
	version int    // of that post
}

// request is a request as it goes over the wire.
type request struct {
	method   string
	target   string // as in the request line, encoded
	proto    string // empty means HTTP/1.1
	header   []string
	body     []byte
	chunked  bool
	length   bool   // send Content-Length also when there is no body
	author   bool   // with the session of the side's author
	cookies  string // instead of that
	variable bool   // ids and times in the answer are that answer's own
}

// with returns the request with more header lines, each as "Name: value".
func (r request) with(lines ...string) request {
	r.header = append(append([]string{}, r.header...), lines...)
	return r
}

// outgoing is a request in bytes.
type outgoing struct {
	method     string
	head, body []byte
	expects    bool
}

// to writes the request down for a side.
func (r request) to(s *side) outgoing {
	var head bytes.Buffer
	proto := r.proto
	if proto == "" {
		proto = "HTTP/1.1"
	}
	fmt.Fprintf(&head, "%s %s %s\r\nHost: %s\r\n", r.method, r.target, proto, s.host)
	cookies := r.cookies
	if r.author {
		cookies = s.cookies
	}
	if cookies != "" {
		fmt.Fprintf(&head, "Cookie: %s\r\n", cookies)
	}
	out := outgoing{method: r.method, body: r.body}
	for _, line := range r.header {
		head.WriteString(line + "\r\n")
		out.expects = out.expects || strings.EqualFold(line, "Expect: 100-continue")
	}
	switch {
	case r.chunked:
		head.WriteString("Transfer-Encoding: chunked\r\n")
		out.body = inChunks(r.body)
	case len(r.body) > 0 || r.length:
		fmt.Fprintf(&head, "Content-Length: %d\r\n", len(r.body))
	}
	head.WriteString("\r\n")
	out.head = head.Bytes()
	return out
}

// inChunks cuts a body into chunks of uneven sizes.
func inChunks(body []byte) []byte {
	var out bytes.Buffer
	for size := 1; len(body) > 0; size = size*3 + 7 {
		n := min(size, len(body))
		fmt.Fprintf(&out, "%x\r\n%s\r\n", n, body[:n])
		body = body[n:]
	}
	out.WriteString("0\r\n\r\n")
	return out.Bytes()
}

// reply is an answer as it came over the wire.
type reply struct {
	proto   string
	status  int
	interim []int // the 1xx answers before it
	header  http.Header
	framing string // how its end was told: length, chunked, close or none
	body    []byte
	trailer http.Header
}

// connection is one TCP (or TLS) connection.
type connection struct {
	net.Conn
	reader *bufio.Reader
	wait   time.Duration
}

func (s *side) dial(ctx context.Context) (*connection, error) {
	address := s.url.Host
	if s.url.Port() == "" {
		address = net.JoinHostPort(s.url.Hostname(), map[string]string{"http": "80", "https": "443"}[s.url.Scheme])
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	var conn net.Conn
	var err error
	if s.url.Scheme == "https" {
		conn, err = (&tls.Dialer{Config: &tls.Config{ServerName: s.url.Hostname(), NextProtos: []string{"http/1.1"}}}).DialContext(ctx, "tcp", address)
	} else {
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address)
	}
	if err != nil {
		return nil, fmt.Errorf("dial %s: %w", address, err)
	}
	c := &connection{Conn: conn, reader: bufio.NewReader(conn), wait: s.timeout}
	return c, c.SetDeadline(time.Now().Add(s.timeout))
}

// ask sends a request over a connection of its own: for the preparation.
func (s *side) ask(ctx context.Context, r request) (reply, error) {
	c, err := s.dial(ctx)
	if err != nil {
		return reply{}, err
	}
	defer c.Close()
	return c.exchange(r.to(s))
}

// exchange sends a request and reads the answer. The body is written while the
// answer is awaited: a server may answer before it has read all of it.
func (c *connection) exchange(out outgoing) (reply, error) {
	if _, err := c.Write(out.head); err != nil {
		return reply{}, fmt.Errorf("send the head: %w", err)
	}
	if out.expects {
		return c.continued(out)
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		_, _ = c.Write(out.body) // that nobody reads it shows in the answer
	}()
	answer, err := c.read(out.method)
	if err != nil {
		_ = c.Close() // ends the writing too
	}
	select {
	case <-written:
	case <-time.After(50 * time.Millisecond):
		// Answered without the whole body: what is left goes with the connection.
		_ = c.SetWriteDeadline(time.Now())
		<-written
	}
	return answer, err
}

// continued sends the body only when it was asked for (RFC 9110, 10.1.1).
func (c *connection) continued(out outgoing) (reply, error) {
	first, err := c.readOne(out.method)
	if err != nil || first.status != http.StatusContinue {
		return first, err
	}
	if _, err := c.Write(out.body); err != nil {
		return reply{}, fmt.Errorf("send the body: %w", err)
	}
	answer, err := c.read(out.method)
	answer.interim = append([]int{first.status}, answer.interim...)
	return answer, err
}

// read returns the next final answer, with the interim ones before it.
func (c *connection) read(method string) (reply, error) {
	var interim []int
	for {
		answer, err := c.readOne(method)
		if err != nil {
			return reply{}, err
		}
		if answer.status >= 200 || answer.status == http.StatusSwitchingProtocols {
			answer.interim = interim
			return answer, nil
		}
		interim = append(interim, answer.status)
	}
}

func (c *connection) readOne(method string) (reply, error) {
	response, err := c.head(method)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()
	answer := asReply(response)
	answer.body, err = io.ReadAll(response.Body)
	answer.trailer = response.Trailer
	if err != nil && !errors.Is(err, io.EOF) {
		return reply{}, fmt.Errorf("read the body after %d bytes: %w", len(answer.body), err)
	}
	return answer, nil
}

// head reads the answer's head and leaves its body to be read.
func (c *connection) head(method string) (*http.Response, error) {
	response, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		return nil, fmt.Errorf("read the answer's head: %w", err)
	}
	return response, nil
}

func asReply(r *http.Response) reply {
	answer := reply{proto: r.Proto, status: r.StatusCode, header: r.Header}
	switch {
	case len(r.TransferEncoding) > 0:
		answer.framing = strings.Join(r.TransferEncoding, ", ")
	case r.Header.Get("Content-Length") != "":
		answer.framing = "length"
	case r.Body == http.NoBody:
		answer.framing = "none"
	default:
		answer.framing = "close"
	}
	return answer
}
