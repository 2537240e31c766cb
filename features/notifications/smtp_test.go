package notifications_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/notifications"
)

// mailServer speaks just enough SMTP to take one mail a connection.
type mailServer struct {
	listener net.Listener
	envelope chan []string // MAIL and RCPT lines
	content  chan string
	refuse   string // a verb that is answered 550
}

func startMailServer(t *testing.T, refuse string) *mailServer {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &mailServer{l, make(chan []string, 4), make(chan string, 4), refuse}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.talk(conn)
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return s
}

func (s *mailServer) talk(conn net.Conn) {
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewScanner(conn)
	say := func(line string) { fmt.Fprintf(conn, "%s\r\n", line) }
	say("220 test")
	var envelope []string
	for in.Scan() {
		line := in.Text()
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		switch {
		case verb == s.refuse:
			say("550 no")
		case verb == "MAIL" || verb == "RCPT":
			envelope = append(envelope, line)
			say("250 ok")
		case verb == "DATA":
			say("354 go on")
			s.envelope <- envelope
			s.content <- data(in)
			say("250 taken")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func data(in *bufio.Scanner) string {
	var b strings.Builder
	for in.Scan() && in.Text() != "." {
		b.WriteString(in.Text() + "\r\n")
	}
	return b.String()
}

func mailer(t *testing.T, address string) *notifications.SMTP {
	t.Helper()
	m, err := notifications.NewSMTP(address, "Banyan <blog@example.org>", time.Now)
	require.NoError(t, err)
	return m
}

func TestAMailArrives(t *testing.T) {
	server := startMailServer(t, "")
	err := mailer(t, server.listener.Addr().String()).Send(t.Context(), notifications.Mail{
		To:      notifications.Recipient{Name: "Ada Lövelace", Email: "ada@example.org"},
		Subject: `Grüße zu "Notes"`,
		Text:    "Hello,\n.\na line with one dot must not end the mail\n",
	})
	require.NoError(t, err)
	envelope := <-server.envelope
	require.Contains(t, envelope[0], "<blog@example.org>")
	require.Contains(t, envelope[1], "<ada@example.org>")
	message, err := mail.ReadMessage(strings.NewReader(<-server.content))
	require.NoError(t, err)
	to, err := message.Header.AddressList("To")
	require.NoError(t, err)
	require.Equal(t, "Ada Lövelace", to[0].Name)
	require.NotEmpty(t, message.Header.Get("Message-Id"))
	require.NotEmpty(t, message.Header.Get("Date"))
}

func TestNobodyWritesHeaders(t *testing.T) {
	const attack = "x\r\nBcc: everyone@example.org\r\n\r\nBuy now"
	server := startMailServer(t, "")
	err := mailer(t, server.listener.Addr().String()).Send(t.Context(), notifications.Mail{
		To: notifications.Recipient{Name: attack, Email: "ada@example.org"}, Subject: attack, Text: "text",
	})
	require.NoError(t, err)
	require.Len(t, <-server.envelope, 2)
	message, err := mail.ReadMessage(strings.NewReader(<-server.content))
	require.NoError(t, err)
	require.Empty(t, message.Header.Get("Bcc"))
	require.Len(t, message.Header["Subject"], 1)
}

func TestARefusalAndADeadServerAreErrors(t *testing.T) {
	server := startMailServer(t, "RCPT")
	m := notifications.Mail{To: notifications.Recipient{Email: "ada@example.org"}}
	err := mailer(t, server.listener.Addr().String()).Send(t.Context(), m)
	require.ErrorContains(t, err, "recipient")
	require.ErrorIs(t, err, notifications.ErrRefused)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	dead := l.Addr().String()
	require.NoError(t, l.Close())
	err = mailer(t, dead).Send(t.Context(), m)
	require.ErrorContains(t, err, "reach mail server")
	require.NotErrorIs(t, err, notifications.ErrRefused, "it may be back in a moment")
}

func TestAMailThatIsSentAgainCanBeToldAsSuch(t *testing.T) {
	server := startMailServer(t, "")
	m := notifications.Mail{ID: "0197a000-0000-7000-8000-000000000001", To: notifications.Recipient{Email: "ada@example.org"}}
	for range 2 {
		require.NoError(t, mailer(t, server.listener.Addr().String()).Send(t.Context(), m))
		<-server.envelope
		message, err := mail.ReadMessage(strings.NewReader(<-server.content))
		require.NoError(t, err)
		require.Equal(t, "<"+m.ID+"@example.org>", message.Header.Get("Message-Id"))
	}
	m.ID = "x>\r\nBcc: everyone@example.org"
	require.ErrorContains(t, mailer(t, server.listener.Addr().String()).Send(t.Context(), m), "write a UUID")
}

func TestASilentServerDoesNotHoldTheCommentForLong(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel and never says a word
	require.NoError(t, err)
	defer l.Close()
	start := time.Now()
	require.Error(t, mailer(t, l.Addr().String()).Send(t.Context(), notifications.Mail{To: notifications.Recipient{Email: "a@example.org"}}))
	require.Less(t, time.Since(start), 4*time.Second)

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	start = time.Now()
	require.Error(t, mailer(t, l.Addr().String()).Send(ctx, notifications.Mail{To: notifications.Recipient{Email: "a@example.org"}}))
	require.Less(t, time.Since(start), time.Second, "the one who waits may leave earlier")
}

func TestABadAddressIsNamed(t *testing.T) {
	_, err := notifications.NewSMTP("mailhost", "blog@example.org", time.Now)
	require.ErrorContains(t, err, `"mailhost"`)
	_, err = notifications.NewSMTP("mailhost:25", "nobody", time.Now)
	require.ErrorContains(t, err, `"nobody"`)
}
