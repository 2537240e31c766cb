package session_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/session"
)

const adminToken = "a token for tests"

// host is a small blog host: one manager, its public and its admin port.
type host struct {
	*session.Manager
	public, admin *httptest.Server
}

func startHost(t testing.TB, cfg session.Config) *host {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	cfg.AdminToken = adminToken
	m, err := session.New(t.Context(), cfg)
	require.NoError(t, err)
	h := &host{Manager: m, admin: httptest.NewServer(m.AdminHandler())}
	h.public = httptest.NewServer(m.Middleware(routes(m)))
	t.Cleanup(h.stop)
	return h
}

// stop ends the public port first and the admin port last, as a host must.
func (h *host) stop() {
	h.public.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_ = h.Close(ctx)
	h.admin.Close()
}

func routes(m *session.Manager) http.Handler {
	mux := http.NewServeMux()
	check := func(w http.ResponseWriter, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
	mux.HandleFunc("/in/{user}", func(w http.ResponseWriter, r *http.Request) { check(w, m.SignIn(r.Context(), r.PathValue("user"))) })
	mux.HandleFunc("/out", func(w http.ResponseWriter, r *http.Request) { check(w, m.SignOut(r.Context())) })
	mux.HandleFunc("/who", func(w http.ResponseWriter, r *http.Request) {
		id, _ := m.UserID(r.Context())
		fmt.Fprint(w, id)
	})
	mux.HandleFunc("/user", func(w http.ResponseWriter, r *http.Request) {
		record, _, err := m.User(r.Context())
		check(w, err)
		_, _ = w.Write(record)
	})
	mux.HandleFunc("/put/{flash}", func(w http.ResponseWriter, r *http.Request) { m.PutFlash(r.Context(), r.PathValue("flash")) })
	mux.HandleFunc("/pop", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, strings.Join(m.PopFlash(r.Context()), ","))
	})
	mux.HandleFunc("/list", func(w http.ResponseWriter, r *http.Request) {
		id, _ := m.UserID(r.Context())
		list, err := m.List(r.Context(), id)
		check(w, err)
		for _, s := range list {
			fmt.Fprintf(w, "%s current=%t agent=%s\n", s.ID, s.Current, s.UserAgent)
		}
	})
	mux.HandleFunc("/revoke/{id}", func(w http.ResponseWriter, r *http.Request) {
		id, _ := m.UserID(r.Context())
		check(w, m.Revoke(r.Context(), id, r.PathValue("id")))
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		m.PutFlash(r.Context(), "before the stream")
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(err)
		}
		<-r.Context().Done()
	})
	return mux
}

// browser keeps cookies; base may change between requests, as behind a balancer.
type browser struct {
	t testing.TB
	*http.Client
}

func newBrowser(t testing.TB) *browser {
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	b := &browser{t, &http.Client{Jar: jar, Transport: &http.Transport{}}}
	t.Cleanup(b.CloseIdleConnections)
	return b
}

func (b *browser) get(h *host, path string) string {
	b.t.Helper()
	status, body := b.try(h, path)
	require.Equal(b.t, http.StatusOK, status, body)
	return body
}

func (b *browser) try(h *host, path string) (int, string) {
	b.t.Helper()
	// One host name for all replicas: a jar knows hosts, not ports.
	answer, err := b.Get(h.public.URL + path)
	require.NoError(b.t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(b.t, err)
	return answer.StatusCode, string(body)
}

func (b *browser) cookie(h *host) string {
	request, err := http.NewRequest(http.MethodGet, h.public.URL, nil)
	require.NoError(b.t, err)
	for _, c := range b.Jar.Cookies(request.URL) {
		if c.Name == "banyan_session" {
			return c.Value
		}
	}
	return ""
}

func TestSignInRenewsTheTokenAndSignOutEndsIt(t *testing.T) {
	h, b := startHost(t, session.Config{}), newBrowser(t)
	require.Empty(t, b.get(h, "/who"))
	require.Empty(t, b.cookie(h), "visitors get no cookie")
	b.get(h, "/in/ada")
	require.Equal(t, "ada", b.get(h, "/who"))
	first := b.cookie(h)
	b.get(h, "/in/ada")
	require.NotEqual(t, first, b.cookie(h))
	require.Equal(t, 1, h.Status().Sessions, "the session of before has ended")
	b.get(h, "/out")
	require.Empty(t, b.cookie(h))
	require.Zero(t, h.Status().Sessions)
	b.get(h, "/out") // again is no error
}

func TestATokenFromOutsideIsNeverAdopted(t *testing.T) {
	h := startHost(t, session.Config{})
	request, err := http.NewRequest(http.MethodGet, h.public.URL+"/in/ada", nil)
	require.NoError(t, err)
	planted := strings.Repeat("A", 43)
	request.AddCookie(&http.Cookie{Name: "banyan_session", Value: planted})
	answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.NotEqual(t, planted, answer.Cookies()[0].Value)
}

func TestTheCookiesFlags(t *testing.T) {
	for name, secure := range map[string]bool{"banyan_session": false, "__Host-banyan_session": true} {
		h := startHost(t, session.Config{Secure: secure})
		w := httptest.NewRecorder()
		h.Middleware(routes(h.Manager)).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/in/ada", nil))
		c := w.Result().Cookies()[0]
		require.Equal(t, name, c.Name)
		require.Equal(t, secure, c.Secure)
		require.True(t, c.HttpOnly)
		require.Equal(t, http.SameSiteLaxMode, c.SameSite)
		require.Equal(t, "/", c.Path)
		require.Empty(t, c.Domain)
		require.Len(t, c.Value, 43)
	}
}

func TestFlashMessagesAreShownOnce(t *testing.T) {
	h, b := startHost(t, session.Config{}), newBrowser(t)
	b.get(h, "/put/lost")
	b.get(h, "/in/ada")
	b.get(h, "/put/one")
	b.get(h, "/put/two")
	require.Equal(t, "one,two", b.get(h, "/pop"))
	require.Empty(t, b.get(h, "/pop"))
	b.get(h, "/put/for ada")
	b.get(h, "/in/bob")
	require.Empty(t, b.get(h, "/pop"), "messages are not handed on")
}

func TestAStreamGoesThroughAndTheSessionIsWrittenFirst(t *testing.T) {
	h, b := startHost(t, session.Config{}), newBrowser(t)
	b.get(h, "/in/ada")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, h.public.URL+"/stream", nil)
	require.NoError(t, err)
	answer, err := b.Do(request) // returns once the headers are flushed
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, "before the stream", b.get(h, "/pop"))
}

func TestASlowRequestDoesNotBringASessionBack(t *testing.T) {
	h, b := startHost(t, session.Config{}), newBrowser(t)
	b.get(h, "/in/ada")
	begun, signedOut := make(chan struct{}), make(chan struct{})
	slow := h.Middleware(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		h.PutFlash(r.Context(), "late")
		close(begun)
		<-signedOut
	}))
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.AddCookie(&http.Cookie{Name: "banyan_session", Value: b.cookie(h)})
	done := make(chan struct{})
	go func() { slow.ServeHTTP(httptest.NewRecorder(), r); close(done) }()
	<-begun
	b.get(h, "/out")
	close(signedOut)
	<-done
	require.Zero(t, h.Status().Sessions)
}

func TestWhenTheStoreIsDownNobodyIsTakenForAVisitor(t *testing.T) {
	h := startHost(t, session.Config{Settings: session.Settings{Mode: session.Redis, RedisURL: "redis://127.0.0.1:1"}})
	r := httptest.NewRequest(http.MethodGet, "/who", nil)
	r.AddCookie(&http.Cookie{Name: "banyan_session", Value: strings.Repeat("A", 43)})
	w := httptest.NewRecorder()
	h.Middleware(routes(h.Manager)).ServeHTTP(w, r)
	require.Equal(t, http.StatusServiceUnavailable, w.Code)
	require.Equal(t, "1", w.Header().Get("Retry-After"))
	require.Eventually(t, func() bool {
		s := h.Status()
		return !s.Settled && strings.Contains(s.Reason, "127.0.0.1:1")
	}, 5*time.Second, 10*time.Millisecond)
}

func TestCrossSiteRequestsAreRefused(t *testing.T) {
	protect, err := session.Protect(nil, "https://trusted.example")
	require.NoError(t, err)
	handler := protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	for name, c := range map[string]struct {
		header, value string
		want          int
	}{
		"another site":   {"Sec-Fetch-Site", "cross-site", http.StatusForbidden},
		"another origin": {"Origin", "https://evil.example", http.StatusForbidden},
		"ours":           {"Sec-Fetch-Site", "same-origin", http.StatusOK},
		"trusted":        {"Origin", "https://trusted.example", http.StatusOK},
		"no browser":     {"X-None", "", http.StatusOK},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set(c.header, c.value)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		require.Equal(t, c.want, w.Code, name)
	}
	_, err = session.Protect(nil, "trusted.example/path")
	require.ErrorContains(t, err, `trusted origin "trusted.example/path"`)
}
