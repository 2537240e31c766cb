package blogtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
)

// Middleware stands before the blog and may answer in its place.
type Middleware func(w http.ResponseWriter, r *http.Request, blog http.Handler)

// Blog is a blog in memory. It is safe for concurrent use.
type Blog struct {
	URL string

	mu       sync.Mutex
	next     int
	accounts map[string]*account // by email
	sessions map[string]*account // by token
	docs     []*document
	answers  map[string]answer // by author and Idempotency-Key
	before   Middleware
	replica  string
	stale    bool

	routes http.Handler
}

type account struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Email    string `json:"email"`
	Password string `json:"-"`
	Role     string `json:"role"`
	Version  int    `json:"version"`
}

// document is a post or, with a parent, a comment. The last revision is what it is now.
type document struct {
	id, parent string
	author     *account
	published  bool
	deleted    bool
	revisions  []revision
}

type revision struct {
	version     int
	title, body string
	tags        []string
}

type answer struct {
	status int
	body   any
}

// Start serves an empty blog until the test ends.
func Start(t testing.TB) *Blog {
	t.Helper()
	b := &Blog{
		accounts: map[string]*account{}, sessions: map[string]*account{}, answers: map[string]answer{},
		replica: "monolith/monolith-0",
	}
	b.routes = b.mux()
	b.URL = StartAt(t, b)
	return b
}

// ServeHTTP answers a request.
func (b *Blog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	before, replica := b.before, b.replica
	b.mu.Unlock()
	w.Header().Set("X-Served-By", replica)
	if before != nil {
		before(w, r, b.routes)
		return
	}
	b.routes.ServeHTTP(w, r)
}

func (b *Blog) mux() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(*call) answer{
		"POST /api/v1/accounts":            b.signUp,
		"GET /api/v1/accounts/me":          b.me,
		"PUT /api/v1/accounts/{id}/role":   b.role,
		"POST /api/v1/sessions":            b.signIn,
		"DELETE /api/v1/sessions/current":  b.signOut,
		"GET /api/v1/posts":                b.list,
		"POST /api/v1/posts":               b.create,
		"GET /api/v1/posts/{id}":           b.read,
		"PUT /api/v1/posts/{id}":           b.edit,
		"DELETE /api/v1/posts/{id}":        b.remove,
		"POST /api/v1/posts/{id}/publish":  b.publish,
		"GET /api/v1/posts/{id}/comments":  b.list,
		"POST /api/v1/posts/{id}/comments": b.create,
		"GET /api/v1/comments/{id}":        b.read,
		"PUT /api/v1/comments/{id}":        b.edit,
		"DELETE /api/v1/comments/{id}":     b.remove,
		"GET /api/v1/feed":                 b.feed,
		"GET /api/v1/search":               b.list,
		"GET /api/v1/tags":                 b.empty,
		"GET /api/v1/notifications":        b.me,
		"GET /me/posts":                    b.myPage,
		"GET /":                            b.page,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { b.handle(w, r, handle) })
	}
	return mux
}

// call is one request, with the blog locked.
type call struct {
	*http.Request
	w      http.ResponseWriter
	who    *account // nil for a visitor
	fields map[string]any
}

func (b *Blog) handle(w http.ResponseWriter, r *http.Request, handle func(*call) answer) {
	c := &call{Request: r, w: w, fields: map[string]any{}}
	if r.ContentLength > 0 {
		if err := json.NewDecoder(r.Body).Decode(&c.fields); err != nil {
			write(w, problem(400, "malformed"))
			return
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if cookie, err := r.Cookie("banyan_session"); err == nil {
		c.who = b.sessions[cookie.Value]
	}
	write(w, b.once(c, handle))
}

// once answers a repeated key as it was answered first.
func (b *Blog) once(c *call, handle func(*call) answer) answer {
	key := c.Header.Get("Idempotency-Key")
	if key == "" || c.who == nil {
		return handle(c)
	}
	key = c.who.ID + " " + key
	if a, known := b.answers[key]; known {
		return a
	}
	a := handle(c)
	if a.status < 300 {
		b.answers[key] = a
	}
	return a
}

func write(w http.ResponseWriter, a answer) {
	body, err := json.Marshal(a.body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if a.status >= 400 {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.WriteHeader(a.status)
	if a.body != nil {
		_, _ = w.Write(body) // a client that went away is the test's business
	}
}

func problem(status int, kind string) answer {
	return answer{status, map[string]any{"type": "urn:banyan:problem:" + kind, "status": status}}
}

func (b *Blog) newID() string {
	b.next++
	return "id" + strconv.Itoa(b.next)
}

func (c *call) text(field string) string { return fmt.Sprint(c.fields[field]) }

// StartAt serves the same blog at another port, until the test ends, and returns that address.
func StartAt(t testing.TB, b *Blog) string {
	t.Helper()
	server := httptest.NewServer(b)
	t.Cleanup(server.Close)
	return server.URL
}
