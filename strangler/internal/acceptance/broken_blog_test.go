package acceptance

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/journeys"
)

// brokenBlog is a fault of the blog and the journey that has to notice it.
type brokenBlog struct {
	fault   string
	notices string
	proxy   proxy
}

// without takes headers off the requests before the blog sees them.
func without(names ...string) proxy {
	return proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
		for _, name := range names {
			r.Header.Del(name)
		}
		pass.ServeHTTP(w, r)
	}}
}

// answering changes answers.
func answering(change func(*http.Response)) proxy {
	return proxy{answer: func(r *http.Response) error { change(r); return nil }}
}

func brokenBlogs() []brokenBlog {
	return []brokenBlog{
		{"a lost race is answered 200", "an edit needs the version it was made from, and a lost race is told",
			answering(func(r *http.Response) {
				if r.StatusCode == http.StatusPreconditionFailed {
					r.StatusCode = http.StatusOK
				}
			})},
		{"the last writer wins", "an edit needs the version it was made from, and a lost race is told",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				if r.Header.Get("If-Match") != "" {
					r.Header.Set("If-Match", "*")
				}
				pass.ServeHTTP(w, r)
			}}},
		{"keys are not minded", "a retried post is one post, and its key is good for nothing else", without("Idempotency-Key")},
		{"another site may write", "another site can't make a browser write, nor sign it in", without("Origin", "Sec-Fetch-Site")},
		{"everything is sent again", "who has the post already is not sent it again", without("If-None-Match")},
		{"parts can't be had", "a post has a cover, which may be asked for in parts", without("Range")},
		{"scripts read the session's cookie", "the session's cookie is out of reach of scripts and other sites",
			answering(func(r *http.Response) {
				for i, line := range r.Header["Set-Cookie"] {
					r.Header["Set-Cookie"][i] = strings.Replace(line, "; HttpOnly", "", 1)
				}
			})},
		{"signing out forgets the cookie only", "a stolen cookie is worth nothing after its owner signed out",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				if r.Method == http.MethodDelete && r.URL.Path == "/api/v1/sessions/current" {
					w.WriteHeader(http.StatusNoContent)
					return
				}
				pass.ServeHTTP(w, r)
			}}},
		{"refusals are plain JSON", "every refusal is a problem that a program can read",
			answering(func(r *http.Response) {
				if r.Header.Get("Content-Type") == "application/problem+json" {
					r.Header.Set("Content-Type", "application/json")
				}
			})},
		{"one's own is kept in caches", "what is a person's own is kept in no cache",
			answering(func(r *http.Response) { r.Header.Del("Cache-Control") })},
		{"no content policy", "a browser is told to run and frame nothing that is not ours",
			answering(func(r *http.Response) { r.Header.Del("Content-Security-Policy") })},
		{"titles are not escaped", "a browser is told to run and frame nothing that is not ours",
			proxy{answer: func(r *http.Response) error {
				if !strings.HasPrefix(r.Header.Get("Content-Type"), "text/html") {
					return nil
				}
				return replaced(r, func(b []byte) []byte {
					return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("&lt;"), []byte("<")), []byte("&gt;"), []byte(">"))
				})
			}}},
		{"redirects lead elsewhere", "signing in leads to a page of ours, whatever the link said",
			answering(func(r *http.Response) {
				if r.Header.Get("Location") != "" {
					r.Header.Set("Location", "//evil.example/")
				}
			})},
		{"pages do not know who reads", "the pages say who is signed in",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				if r.Method == http.MethodGet && r.URL.Path == "/" {
					r.Header.Del("Cookie")
				}
				pass.ServeHTTP(w, r)
			}}},
		{"authors are not told", "an author is told of a comment by another, and reads it",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				if r.Method == http.MethodGet && r.URL.Path == "/api/v1/notifications" {
					r.Header.Set("Content-Type", "application/json")
					_, _ = w.Write([]byte(`{"items":[],"unread":0}`))
					return
				}
				pass.ServeHTTP(w, r)
			}}},
		{"the stream is silent", "an author who watches is told at once",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				if strings.HasSuffix(r.URL.Path, "/stream") && r.Header.Get("Cookie") != "" {
					w.Header().Set("Content-Type", "text/event-stream")
					_ = http.NewResponseController(w).Flush()
					<-r.Context().Done()
					return
				}
				pass.ServeHTTP(w, r)
			}}},
		{"a page of a list is left out", "pages of a list stay right while others write",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				query := r.URL.Query()
				query.Del("cursor")
				r.URL.RawQuery = query.Encode()
				pass.ServeHTTP(w, r)
			}}},
	}
}

func TestAJourneyNoticesABrokenBlog(t *testing.T) {
	t.Parallel()
	blog := startMonolith(t)
	whole := proxy{}.inFrontOf(t, blog)
	for _, broken := range brokenBlogs() {
		t.Run(broken.fault, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, journeys.Failed(visit(t, whole, broken.notices)), "on the whole blog it holds")
			failed := journeys.Failed(visit(t, broken.proxy.inFrontOf(t, blog), broken.notices))
			require.Len(t, failed, 1, "nobody noticed that %s", broken.fault)
			t.Log(failed[0].Detail)
		})
	}
}
