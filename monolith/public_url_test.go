package main

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/monolith/internal/config"
	"banyan.dev/platform/embedded"
	"banyan.dev/platform/hosting"
	"banyan.dev/platform/session"
	"banyan.dev/platform/watch"
)

// TestANewPublicAddressIsInForceAtOnce: two replicas with an environment of their
// own follow one file.
func TestANewPublicAddressIsInForceAtOnce(t *testing.T) {
	mails := startMails(t)
	path := filepath.Join(t.TempDir(), "settings.yaml")
	write := func(content string) { require.NoError(t, watch.Write(path, []byte(content), 0o600)) }
	write("revision: 1\nsession: {store: memory}\n")
	first := startMonolith(t, "SETTINGS_FILE="+path, "SMTP_ADDR="+mails.Addr(), "MAIL_FROM=blog@example.org", "PUBLIC_URL=http://old.example.org")
	second := startOn(t, first.database, "SETTINGS_FILE="+path, "PUBLIC_URL=http://older.example.org")
	require.Equal(t, "http://old.example.org", first.topology().Public, "the environment's, while the file names none")
	ada, bob := first.client(t), first.client(t)
	ada.author("Ada")
	post := ada.post("Banyan trees")
	bob.signUp("Bob")
	id := between(t, string(ada.send("GET", "/feed.atom", nil).body), "<id>", "</id>")

	write("revision: 2\npublic_url: http://new.example.org/\nsession: {store: memory}\n")
	for _, m := range []*running{first, second} {
		require.Eventually(t, func() bool { return m.topology().Public == "http://new.example.org" }, 10*time.Second, 10*time.Millisecond)
		feed := string(m.client(t).send("GET", "/feed.atom", nil).body)
		require.Contains(t, feed, `href="http://new.example.org/posts/`+post.text("id"))
		require.NotContains(t, feed, "old")
		require.Equal(t, id, between(t, feed, "<id>", "</id>"), "the feed is the same feed")
	}
	bob.call("POST", "/posts/"+post.text("id")+"/comments", document{"body": "Hello"}).want(201)
	require.Eventually(t, func() bool { return mails.Total() == 1 }, 10*time.Second, 10*time.Millisecond)
	require.Contains(t, delivered(t, mails), "http://new.example.org/posts/"+post.text("id"))

	write("revision: 3\npublic_url: blog\nsession: {store: memory}\n")
	require.Eventually(t, func() bool { return strings.Contains(first.topology().Settings, `public_url "blog"`) }, 10*time.Second, 10*time.Millisecond)
	require.Equal(t, "http://new.example.org", first.topology().Public, "the last good one stays")
}

func startMails(t *testing.T) *embedded.Mail {
	t.Helper()
	mails, err := embedded.StartMail(t.Context(), embedded.MailConfig{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, mails.Stop(context.Background())) })
	return mails
}

// delivered is the list of mails as the sink shows it.
func delivered(t *testing.T, mails *embedded.Mail) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, mails.URL(), nil)
	require.NoError(t, err)
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(t, err)
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return string(body)
}

func between(t *testing.T, text, from, to string) string {
	t.Helper()
	_, rest, found := strings.Cut(text, from)
	require.True(t, found)
	inside, _, found := strings.Cut(rest, to)
	require.True(t, found)
	return inside
}

func TestThePublicAddressStandsInTheSettings(t *testing.T) {
	s := &settings{cfg: config.Config{Environment: hosting.Environment{PublicURL: "http://127.0.0.1:8080"}, SessionStore: session.Memory}}
	for content, want := range map[string]string{
		"revision: 1\npublic_url: http://a.example/\n":  "http://a.example",
		"{revision: 1, public_url: 'http://a.example'}": "http://a.example",
		"revision: 1\n": "http://127.0.0.1:8080",
	} {
		got, err := s.parse([]byte(content))
		require.NoError(t, err, content)
		require.Equal(t, want, got.publicURL, content)
	}
	for content, want := range map[string]string{
		"revision: 1\npublic_url: [http://a.example]\n":                "line 2",
		"public_url: http://a.example\npublic_url: http://b.example\n": "public_url\" stands twice",
		"revision: 1\npublic_url: blog\n":                              "public_url",
		"revision: 1\nother: 2\n":                                      "unknown field \"other\"",
	} {
		_, err := s.parse([]byte(content))
		require.ErrorContains(t, err, want)
	}
}
