package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync"
	"time"
)

// MailConfig says where the mail sink listens; 0 takes a free port.
type MailConfig struct {
	Port     int // SMTP
	HTTPPort int // the list of messages
}

// Message is one mail as it was delivered. Data is cut after 64 KiB.
type Message struct {
	From       string    `json:"from"`
	To         []string  `json:"to"`
	Data       string    `json:"data"`
	ReceivedAt time.Time `json:"received_at"`
}

// keepMessages bounds what the sink remembers; it counts all.
const (
	keepMessages   = 200
	keepBytes      = 64 << 10
	maxMailBytes   = 10 << 20
	mailReadBudget = time.Minute
)

// Mail is an SMTP server that delivers nothing: it counts messages and shows the
// last 200 as JSON at GET /messages, so that a person and a test see which mails
// the blog sent. It speaks the part of RFC 5321 that net/smtp uses, without TLS
// and without authentication, on loopback only.
type Mail struct {
	smtp net.Listener
	http *http.Server
	addr string // of the list

	mu       sync.Mutex
	total    int
	messages []Message
	conns    map[net.Conn]struct{}
	wg       sync.WaitGroup
}

// StartMail listens and returns. Its goroutines end with Stop.
func StartMail(_ context.Context, cfg MailConfig) (*Mail, error) {
	smtp, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.Port)))
	if err != nil {
		return nil, fmt.Errorf("listen for SMTP: %w", err)
	}
	list, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.HTTPPort)))
	if err != nil {
		_ = smtp.Close()
		return nil, fmt.Errorf("listen for the list of mails: %w", err)
	}
	m := &Mail{smtp: smtp, addr: list.Addr().String(), conns: map[net.Conn]struct{}{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /messages", m.list)
	m.http = &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	m.wg.Go(func() { _ = m.http.Serve(list) })
	m.wg.Go(m.accept)
	return m, nil
}

// Addr is the SMTP server's host:port.
func (m *Mail) Addr() string { return m.smtp.Addr().String() }

// URL is where the list of messages is.
func (m *Mail) URL() string { return "http://" + m.addr + "/messages" }

// Total counts every message since the start.
func (m *Mail) Total() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total
}

// Stop closes everything and waits.
func (m *Mail) Stop(context.Context) error {
	err := errors.Join(m.smtp.Close(), m.http.Close())
	m.mu.Lock()
	for c := range m.conns {
		_ = c.Close()
	}
	m.mu.Unlock()
	m.wg.Wait()
	return err
}

func (m *Mail) list(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	answer := struct {
		Total int       `json:"total"`
		Items []Message `json:"items"`
	}{m.total, append([]Message{}, m.messages...)}
	m.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer) // the reader may have left; nothing to do about it
}

func (m *Mail) accept() {
	for {
		conn, err := m.smtp.Accept()
		if err != nil {
			return // closed by Stop
		}
		m.mu.Lock()
		m.conns[conn] = struct{}{}
		m.mu.Unlock()
		m.wg.Go(func() {
			defer func() {
				_ = conn.Close()
				m.mu.Lock()
				delete(m.conns, conn)
				m.mu.Unlock()
			}()
			m.converse(conn)
		})
	}
}

// converse is one SMTP session, RFC 5321 section 4.1. It ends at the first
// failure to read or write, as the peer has gone.
func (m *Mail) converse(conn net.Conn) {
	r := textproto.NewReader(bufio.NewReader(conn))
	say := func(line string) bool {
		_, err := conn.Write([]byte(line + "\r\n"))
		return err == nil
	}
	if !say("220 banyan mail sink") {
		return
	}
	var msg Message
	for {
		_ = conn.SetDeadline(time.Now().Add(mailReadBudget))
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		reply := "250 OK"
		switch verb {
		case "EHLO", "HELO":
			msg = Message{}
		case "MAIL":
			msg = Message{From: address(line)}
		case "RCPT":
			msg.To = append(msg.To, address(line))
		case "RSET", "NOOP":
			if verb == "RSET" {
				msg = Message{}
			}
		case "DATA":
			if len(msg.To) == 0 {
				reply = "503 no recipient"
				break
			}
			if !say("354 go on, end with a dot") || m.receive(r, &msg) != nil {
				return
			}
			msg = Message{}
		case "QUIT":
			_ = say("221 bye")
			return
		default:
			reply = "502 not implemented"
		}
		if !say(reply) {
			return
		}
	}
}

func (m *Mail) receive(r *textproto.Reader, msg *Message) error {
	var data strings.Builder
	dot := bufio.NewReader(r.DotReader())
	for read := 0; ; read++ {
		b, err := dot.ReadByte()
		if err != nil {
			break // io.EOF at the dot; anything else fails the next command
		}
		if read > maxMailBytes {
			return errors.New("mail too large")
		}
		if data.Len() < keepBytes {
			data.WriteByte(b)
		}
	}
	msg.Data, msg.ReceivedAt = data.String(), time.Now().UTC()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.total++
	m.messages = append(m.messages, *msg)
	if len(m.messages) > keepMessages {
		m.messages = m.messages[len(m.messages)-keepMessages:]
	}
	return nil
}

// address takes what stands between the angle brackets of a MAIL or RCPT line.
func address(line string) string {
	_, rest, _ := strings.Cut(line, "<")
	addr, _, _ := strings.Cut(rest, ">")
	return addr
}
