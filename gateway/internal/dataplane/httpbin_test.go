package dataplane_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/mccutchen/go-httpbin/v2/httpbin"
	"github.com/stretchr/testify/require"
)

// notTheSame are headers that differ between two runs anyway, or that the gateway
// says itself.
var notTheSame = []string{"Date", "X-Request-Id", "X-Served-By", "Server-Timing"}

func TestHTTPBinAnswersTheSameThroughTheGateway(t *testing.T) {
	bin := httpbin.New()
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// httpbin shows the headers it is sent: those the gateway adds are a
		// difference that headers_test.go looks after.
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id", "Traceparent"} {
			r.Header.Del(name)
		}
		bin.ServeHTTP(w, r)
	}))
	defer app.Close()
	r := newRig(t, oneOwner("", app.URL))
	for _, c := range []struct{ method, path, body, header string }{
		{"GET", "/get?a=1&b=2", "", ""},
		{"HEAD", "/get", "", ""},
		{"POST", "/post", "a=1&b=2", "Content-Type: application/x-www-form-urlencoded"},
		{"PUT", "/put", `{"a":1}`, "Content-Type: application/json"},
		{"PATCH", "/patch", "x", ""},
		{"DELETE", "/delete", "", ""},
		{"OPTIONS", "/get", "", ""},
		{"POST", "/anything/a/b%20c?d=%2F", "hello", ""},
		{"GET", "/status/204", "", ""},
		{"GET", "/status/304", "", ""},
		{"GET", "/status/418", "", ""},
		{"GET", "/status/500", "", ""},
		{"GET", "/redirect/3", "", ""},
		{"GET", "/relative-redirect/2", "", ""},
		{"GET", "/redirect-to?url=http%3A%2F%2Fexample.com%2F", "", ""},
		{"GET", "/cookies", "", "Cookie: a=1; b=2"},
		{"GET", "/cookies/set?a=1", "", ""},
		{"GET", "/cookies/delete?a", "", ""},
		{"GET", "/basic-auth/u/p", "", "Authorization: Basic dTpw"},
		{"GET", "/basic-auth/u/p", "", ""},
		{"GET", "/bearer", "", "Authorization: Bearer t"},
		{"GET", "/gzip", "", "Accept-Encoding: gzip"},
		{"GET", "/deflate", "", "Accept-Encoding: deflate"},
		{"GET", "/cache", "", "If-None-Match: x"},
		{"GET", "/cache/60", "", ""},
		{"GET", "/etag/abc", "", "If-None-Match: \"abc\""},
		{"GET", "/etag/abc", "", "If-Match: \"x\""},
		{"GET", "/response-headers?X-A=1&X-A=2&x-lower=3", "", ""},
		{"GET", "/headers", "", "X-Mixed-CASE: 1"},
		{"GET", "/user-agent", "", ""},
		{"GET", "/range/1024", "", ""},
		{"GET", "/range/1024", "", "Range: bytes=10-99"},
		{"GET", "/range/1024", "", "Range: bytes=9999-"},
		{"GET", "/bytes/10000?seed=1", "", ""},
		{"GET", "/stream-bytes/10000?seed=1&chunk_size=100", "", ""},
		{"GET", "/stream/3", "", ""},
		{"GET", "/drip?duration=200ms&numbytes=5&delay=50ms", "", ""},
		{"GET", "/delay/100ms", "", ""},
		{"GET", "/sse?count=3&duration=200ms&delay=10ms", "", ""},
		{"GET", "/trailers?a=1", "", ""},
		{"GET", "/links/3/1", "", ""},
		{"GET", "/html", "", ""},
		{"GET", "/json", "", ""},
		{"GET", "/xml", "", ""},
		{"GET", "/image/png", "", ""},
		{"GET", "/base64/aGVsbG8=", "", ""},
		{"GET", "/robots.txt", "", ""},
		{"GET", "/encoding/utf8", "", ""},
		{"GET", "/unstable?failure_rate=1&seed=1", "", ""},
		{"GET", "/no/such/page", "", ""},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			direct, directBody := ask(t, r.client, app.URL, c.method, c.path, c.body, c.header)
			through, throughBody := ask(t, r.client, r.url, c.method, c.path, c.body, c.header)
			require.Equal(t, direct.StatusCode, through.StatusCode)
			require.Equal(t, directBody, throughBody)
			for _, name := range notTheSame {
				direct.Header.Del(name)
				through.Header.Del(name)
				direct.Trailer.Del(name)
				through.Trailer.Del(name)
			}
			require.Equal(t, direct.Header, through.Header)
			require.Equal(t, direct.ContentLength, through.ContentLength)
			require.Equal(t, direct.Trailer, through.Trailer)
		})
	}
}

// ask makes a request under one name, whichever way it goes.
func ask(t *testing.T, client *http.Client, base, method, path, body, header string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, base+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Host = "blog.example"
	if name, value, ok := strings.Cut(header, ": "); ok {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, clock.ReplaceAllString(string(content), "")
}

// clock finds the times that server-sent events carry.
var clock = regexp.MustCompile(`"timestamp": ?[0-9]+`)
