package notifications

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
)

// sendWithin bounds one mail: the writer of a comment waits for it.
const sendWithin = 2 * time.Second

// SMTP hands mails to a mail server (RFC 5321), with STARTTLS where it is offered.
// One connection a mail, no queue, no second try: what a grown monolith does inside
// a request, until a step moves it out. It is safe for concurrent use.
type SMTP struct {
	address string
	from    mail.Address
	now     func() time.Time
}

// NewSMTP returns a mailer for the server at host:port, sending as from.
func NewSMTP(address, from string, now func() time.Time) (*SMTP, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("mail server %q: write host:port: %w", address, err)
	}
	sender, err := mail.ParseAddress(from)
	if err != nil {
		return nil, fmt.Errorf("mail sender %q: write blog@example.org or Blog <blog@example.org>: %w", from, err)
	}
	return &SMTP{address: address, from: *sender, now: now}, nil
}

// Send returns when the server has taken the mail, or within two seconds.
func (s *SMTP) Send(ctx context.Context, m Mail) error {
	ctx, cancel := context.WithTimeout(ctx, sendWithin)
	defer cancel()
	to := mail.Address{Name: m.To.Name, Address: m.To.Email}
	message, err := s.compose(to, m)
	if err != nil {
		return err
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", s.address)
	if err != nil {
		return fmt.Errorf("reach mail server: %w", err)
	}
	defer conn.Close()
	deadline, _ := ctx.Deadline()
	if err := conn.SetDeadline(deadline); err != nil {
		return fmt.Errorf("bound mail: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() }) // the caller left
	defer stop()
	return s.talk(conn, to.Address, message)
}

func (s *SMTP) talk(conn net.Conn, to string, message []byte) error {
	host, _, _ := net.SplitHostPort(s.address)
	c, err := smtp.NewClient(conn, host)
	if err != nil {
		return fmt.Errorf("greet mail server: %w", err)
	}
	if ok, _ := c.Extension("STARTTLS"); ok {
		if err := c.StartTLS(&tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}); err != nil {
			return fmt.Errorf("encrypt the way to the mail server: %w", err)
		}
	}
	if err := c.Mail(s.from.Address); err != nil {
		return fmt.Errorf("mail server refused the sender: %w", err)
	}
	if err := c.Rcpt(to); err != nil {
		return refusal("mail server refused the recipient", err)
	}
	w, err := c.Data()
	if err != nil {
		return fmt.Errorf("mail server refused data: %w", err)
	}
	if _, err := w.Write(message); err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	if err := w.Close(); err != nil {
		return refusal("mail server refused the mail", err)
	}
	_ = c.Quit() // it has the mail; how it says goodbye does not matter
	return nil
}

// refusal tells an answer that stays the same (RFC 5321, 4.2.1: 5yz) from one that may
// not.
func refusal(what string, err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) && answer.Code >= 500 {
		return fmt.Errorf("%s: %w: %w", what, ErrRefused, err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// compose writes the message (RFC 5322). Names and subjects come from people: they
// are encoded (RFC 2047), so that a line break in one never begins a header.
func (s *SMTP) compose(to mail.Address, m Mail) ([]byte, error) {
	if strings.ContainsFunc(m.ID, func(r rune) bool { return r != '-' && !unicode.In(r, unicode.ASCII_Hex_Digit) }) {
		return nil, fmt.Errorf("mail id %q: write a UUID, or leave it out", m.ID)
	}
	var b bytes.Buffer
	for _, header := range [][2]string{
		{"From", s.from.String()},
		{"To", to.String()},
		{"Subject", mime.QEncoding.Encode("utf-8", m.Subject)},
		{"Date", s.now().Format(time.RFC1123Z)},
		{"Message-ID", "<" + cmp.Or(m.ID, uuid.NewString()) + "@" + domainOf(s.from.Address) + ">"},
		{"MIME-Version", "1.0"},
		{"Content-Type", "text/plain; charset=utf-8"},
		{"Content-Transfer-Encoding", "quoted-printable"},
		{"Auto-Submitted", "auto-generated"},
	} {
		b.WriteString(header[0] + ": " + header[1] + "\r\n")
	}
	b.WriteString("\r\n")
	text := quotedprintable.NewWriter(&b)
	if _, err := text.Write([]byte(m.Text)); err != nil {
		return nil, fmt.Errorf("encode mail: %w", err)
	}
	if err := text.Close(); err != nil {
		return nil, fmt.Errorf("encode mail: %w", err)
	}
	return b.Bytes(), nil
}

func domainOf(address string) string {
	for i := len(address) - 1; i >= 0; i-- {
		if address[i] == '@' {
			return address[i+1:]
		}
	}
	return "localhost"
}

// Unsent drops mails: for a host without a mail server. The notification in the
// application is there all the same.
type Unsent struct {
	Logger *slog.Logger
}

// Send notes that there was a mail, and not what was in it.
func (u Unsent) Send(ctx context.Context, _ Mail) error {
	u.Logger.DebugContext(ctx, "mail dropped: SMTP_ADDR is not set")
	return nil
}

// Counted counts what another mailer did.
type Counted struct {
	Mailer
	Sent, Failed interface{ Inc() }
}

// Send passes the mail on.
func (c Counted) Send(ctx context.Context, m Mail) error {
	err := c.Mailer.Send(ctx, m)
	if err != nil {
		c.Failed.Inc()
		return err
	}
	c.Sent.Inc()
	return nil
}
