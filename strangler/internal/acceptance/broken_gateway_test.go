package acceptance

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/same"
)

// brokenGateway is a fault of a proxy and the comparison that has to notice it.
type brokenGateway struct {
	fault   string
	notices string
	proxy   proxy
}

func brokenGateways() []brokenGateway {
	return []brokenGateway{
		{"cookies are lost", "signing in and out sets the same cookies",
			answering(func(r *http.Response) {
				if r.StatusCode == http.StatusNoContent { // the cookie that signing out takes away
					r.Header.Del("Set-Cookie")
				}
			})},
		{"Location becomes absolute", "a visitor is sent to the sign-in",
			answering(func(r *http.Response) {
				if to := r.Header.Get("Location"); to != "" {
					r.Header.Set("Location", "http://blog.example"+to)
				}
			})},
		{"streams wait for their end", "an event comes through a stream at once",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				pass.ServeHTTP(unflushed{w}, r)
			}, buffers: true}},
		{"an entity tag is lost", "a post that has not changed", answering(func(r *http.Response) { r.Header.Del("Etag") })},
		{"a HEAD tells no length", "HEAD of a cover",
			answering(func(r *http.Response) {
				if r.Request.Method == http.MethodHead {
					r.Header.Del("Content-Length")
				}
			})},
		{"ranges are not passed on", "one range of a cover", without("Range")},
		{"ranges of ranges are cut to one", "several ranges of a cover",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				first, _, several := strings.Cut(r.Header.Get("Range"), ",")
				if several {
					r.Header.Set("Range", first)
				}
				pass.ServeHTTP(w, r)
			}}},
		{"paths are decoded on the way", "404: no such route",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				r.URL.Path, r.URL.RawPath = strings.ReplaceAll(r.URL.Path, " ", "+"), ""
				pass.ServeHTTP(w, r)
			}}},
		{"queries are tidied up", "the pages of a list",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				r.URL.RawQuery = url.Values{"limit": {"1"}}.Encode()
				pass.ServeHTTP(w, r)
			}}},
		{"bodies end at a mebibyte", "the largest cover",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				r.Body = http.MaxBytesReader(w, r.Body, 1<<20)
				pass.ServeHTTP(w, r)
			}}},
		{"bodies are asked for at once", "the body is not asked for when it is not wanted",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				if r.Header.Get("Expect") != "" {
					w.WriteHeader(http.StatusContinue)
				}
				pass.ServeHTTP(w, r)
			}}},
		{"the methods are not told", "405: the methods are told", answering(func(r *http.Response) { r.Header.Del("Allow") })},
		{"204 becomes 200", "a comment is written and deleted",
			answering(func(r *http.Response) {
				if r.StatusCode == http.StatusNoContent {
					r.StatusCode = http.StatusOK
				}
			})},
		{"errors get a page of the proxy's", "404: no such post",
			proxy{answer: func(r *http.Response) error {
				if r.StatusCode < 400 {
					return nil
				}
				return replaced(r, func([]byte) []byte { return []byte("something is not right") })
			}}},
		{"the owner is told another host", "a browser of the same site writes",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				r.Host = "monolith.internal"
				pass.ServeHTTP(w, r)
			}}},
		{"a write is sent twice", "a post is edited, its version rises",
			proxy{handle: func(w http.ResponseWriter, r *http.Request, pass http.Handler) {
				if r.Method == http.MethodPut && r.Header.Get("If-Match") != "" {
					twice(w, r, pass)
					return
				}
				pass.ServeHTTP(w, r)
			}}},
		{"conditions are not passed on", "412: the race is lost",
			without("If-Match")},
		{"the proxy signs its work", "a post as a visitor reads it",
			answering(func(r *http.Response) { r.Header.Set("Via", "1.1 proxy") })},
	}
}

// twice passes a request on two times and answers with the second answer.
func twice(w http.ResponseWriter, r *http.Request, pass http.Handler) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	again := func() *http.Request {
		one := r.Clone(r.Context())
		one.Body = io.NopCloser(strings.NewReader(string(body)))
		return one
	}
	pass.ServeHTTP(&nowhere{header: http.Header{}}, again())
	pass.ServeHTTP(w, again())
}

// nowhere takes an answer that nobody gets.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}

// unflushed is a writer that can't be flushed, so that the server keeps small answers
// back until they end.
type unflushed struct{ http.ResponseWriter }

func TestTheComparisonNoticesABrokenGateway(t *testing.T) {
	t.Parallel()
	blog := startMonolith(t)
	whole := proxy{}.inFrontOf(t, blog)
	for _, broken := range brokenGateways() {
		t.Run(broken.fault, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, same.Failed(compare(t, blog, whole, broken.notices)), "through a whole proxy it is the same")
			failed := same.Failed(compare(t, blog, broken.proxy.inFrontOf(t, blog), broken.notices))
			require.True(t, slices.ContainsFunc(failed, func(r same.Result) bool { return r.Name == broken.notices }),
				"nobody noticed that %s: %v", broken.fault, failed)
			t.Log(failed[0].Detail)
		})
	}
}
