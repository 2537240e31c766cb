package dataplane_test

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/mccutchen/go-httpbin/v2/httpbin"
	"github.com/stretchr/testify/require"
)

// notTheSame are headers that differ between two runs anyway, or that the gateway
// says itself.
var notTheSame = []string{"Date", "X-Request-Id", "X-Served-By", "Server-Timing"}

// binRequest is one request to an endpoint. Without a method it is made with all.
type binRequest struct{ method, path, body, header string }

const form = "Content-Type: application/x-www-form-urlencoded"

// binEndpoints names httpbin's endpoints, as its router spells them, each with the
// requests that are compared.
var binEndpoints = map[string][]binRequest{
	"DELETE /delete":      {{"", "/delete?a=1", "x", ""}, {"DELETE", "/delete", "", ""}},
	"GET /{$}":            {{"", "/", "", ""}},
	"GET /encoding/utf8":  {{"", "/encoding/utf8", "", ""}},
	"GET /forms/post":     {{"", "/forms/post", "", ""}},
	"GET /get":            {{"", "/get?a=1&b=2&c=%2F%20+", "", ""}, {"GET", "/get", "", "X-Mixed-CASE: 1"}, {"GET", "/get", "", "Range: bytes=0-3"}},
	"GET /websocket/echo": {{"", "/websocket/echo", "", ""}}, // spoken below
	"HEAD /head":          {{"", "/head", "", ""}},
	"PATCH /patch":        {{"", "/patch", "x", ""}},
	"POST /post": {
		{"", "/post", "a=1&b=2", form}, {"POST", "/post", `{"a":1}`, "Content-Type: application/json"}, {"POST", "/post", "", ""},
		{"POST", "/post", strings.Repeat("long ", 20_000), "Content-Type: text/plain"}, {"POST", "/post", "x", "Expect: 100-continue"},
		{"POST", "/post", "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n\"\r\n\r\ntext\r\n--b--\r\n", "Content-Type: multipart/form-data; boundary=b"},
	},
	"PUT /put":                          {{"", "/put", `{"a":1}`, "Content-Type: application/json"}},
	"/absolute-redirect/{numRedirects}": {{"", "/absolute-redirect/3", "", ""}, {"GET", "/absolute-redirect/x", "", ""}},
	"/anything":                         {{"", "/anything?a=1", "hello", ""}},
	"/anything/":                        {{"", "/anything/a/b%20c;d=e/%C3%A4?d=%2F", "hello", ""}},
	"/base64/{data}":                    {{"", "/base64/aGVsbG8=", "", ""}, {"GET", "/base64/eyJhIjoxfQ==?content-type=application/json", "", ""}, {"GET", "/base64/%25", "", ""}},
	"/base64/{operation}/{data}":        {{"", "/base64/decode/aGVsbG8=", "", ""}, {"GET", "/base64/encode/hello", "", ""}, {"GET", "/base64/other/x", "", ""}},
	"/basic-auth/{user}/{password}":     {{"", "/basic-auth/u/p", "", "Authorization: Basic dTpw"}, {"", "/basic-auth/u/p", "", ""}, {"GET", "/basic-auth/u/p", "", "Authorization: Basic dTpx"}},
	"/bearer":                           {{"", "/bearer", "", "Authorization: Bearer t"}, {"", "/bearer", "", ""}},
	"/brotli":                           {{"", "/brotli", "", "Accept-Encoding: br"}}, // 501, of its own accord
	"/bytes/{numBytes}":                 {{"", "/bytes/10000?seed=1", "", ""}, {"GET", "/bytes/0", "", ""}, {"GET", "/bytes/x", "", ""}},
	"/cache":                            {{"", "/cache", "", ""}, {"", "/cache", "", "If-None-Match: x"}, {"GET", "/cache", "", "If-Modified-Since: Sat, 21 Nov 2026 07:35:17 GMT"}},
	"/cache/{numSeconds}":               {{"", "/cache/60", "", ""}},
	"/cookies":                          {{"", "/cookies", "", "Cookie: a=1; b=2"}, {"GET", "/cookies", "", ""}},
	"/cookies/delete":                   {{"", "/cookies/delete?a&b", "", "Cookie: a=1"}},
	"/cookies/set":                      {{"", "/cookies/set?a=1&b=2&attr[SameSite]=lax", "", ""}},
	"/deflate":                          {{"", "/deflate", "", "Accept-Encoding: deflate"}},
	"/delay/{duration}":                 {{"", "/delay/20ms", "", ""}},
	"/deny":                             {{"", "/deny", "", ""}},
	"/digest-auth/{qop}/{user}/{password}": {
		{"", "/digest-auth/auth/u/p", "", ""}, {"GET", "/digest-auth/auth/u/p", "", digest("MD5", "/digest-auth/auth/u/p", "p")},
		{"GET", "/digest-auth/auth/u/p", "", digest("MD5", "/digest-auth/auth/u/p", "wrong")}, {"GET", "/digest-auth/auth-int/u/p", "", ""},
	},
	"/digest-auth/{qop}/{user}/{password}/{algorithm}": {
		{"", "/digest-auth/auth/u/p/SHA-256", "", ""}, {"GET", "/digest-auth/auth/u/p/SHA-256", "", digest("SHA-256", "/digest-auth/auth/u/p/SHA-256", "p")},
	},
	"/drip":                                {{"", "/drip?duration=30ms&numbytes=5&delay=10ms", "", ""}, {"GET", "/drip?duration=10ms&numbytes=5&code=500", "", ""}},
	"/dump/request":                        {{"", "/dump/request?a=1", "hello", "X-Mixed-CASE: 1"}},
	"/env":                                 {{"", "/env", "", ""}},
	"/etag/{etag}":                         {{"", "/etag/abc", "", ""}, {"", "/etag/abc", "", "If-None-Match: \"abc\""}, {"GET", "/etag/abc", "", "If-Match: \"x\""}, {"GET", "/etag/abc", "", "Range: bytes=2-9"}},
	"/gzip":                                {{"", "/gzip", "", "Accept-Encoding: gzip"}},
	"/headers":                             {{"", "/headers", "", "X-Mixed-CASE: 1"}, {"GET", "/headers", "", "Accept: a/b;q=0.1, */*"}},
	"/hidden-basic-auth/{user}/{password}": {{"", "/hidden-basic-auth/u/p", "", "Authorization: Basic dTpw"}, {"", "/hidden-basic-auth/u/p", "", ""}},
	"/hostname":                            {{"", "/hostname", "", ""}},
	"/html":                                {{"", "/html", "", ""}},
	"/image":                               {{"", "/image", "", "Accept: image/webp"}, {"GET", "/image", "", "Accept: text/plain"}, {"GET", "/image", "", ""}},
	"/image/{kind}":                        {{"", "/image/png", "", ""}, {"GET", "/image/jpeg", "", ""}, {"GET", "/image/svg", "", ""}, {"GET", "/image/webp", "", ""}, {"GET", "/image/avif", "", ""}, {"GET", "/image/bmp", "", ""}},
	"/ip":                                  {{"", "/ip", "", ""}, {"GET", "/ip?format=text", "", ""}},
	"/json":                                {{"", "/json", "", ""}},
	"/jsonl":                               {{"", "/jsonl?count=3&duration=20ms&delay=5ms", "", ""}},
	"/links/{numLinks}":                    {{"", "/links/3", "", ""}},
	"/links/{numLinks}/{offset}":           {{"", "/links/3/1", "", ""}},
	"/range/{numBytes}":                    {{"", "/range/1024", "", ""}, {"", "/range/1024", "", "Range: bytes=10-99"}, {"GET", "/range/1024", "", "Range: bytes=9999-"}, {"GET", "/range/100?duration=20ms&chunk_size=10", "", ""}, {"GET", "/range/1024", "", "Range: bytes=0-1,4-5"}},
	"/redirect-to":                         {{"", "/redirect-to?url=http%3A%2F%2Fexample.com%2F", "", ""}, {"GET", "/redirect-to?url=%2Fget&status_code=307", "", ""}},
	"/redirect/{numRedirects}":             {{"", "/redirect/3", "", ""}, {"GET", "/redirect/1?absolute=true", "", ""}},
	"/relative-redirect/{numRedirects}":    {{"", "/relative-redirect/2", "", ""}},
	"/response-headers":                    {{"", "/response-headers?X-A=1&X-A=2&x-lower=3&Server=x&Content-Type=text%2Fplain", "", ""}},
	"/robots.txt":                          {{"", "/robots.txt", "", ""}},
	"/sse":                                 {{"", "/sse?count=3&duration=20ms&delay=5ms", "", ""}},
	"/status/{code}": {
		{"", "/status/200", "", ""}, {"", "/status/204", "", ""}, {"", "/status/304", "", ""}, {"", "/status/418", "", ""}, {"", "/status/500", "", ""}, {"", "/status/503", "", ""},
		{"GET", "/status/103", "", ""}, {"GET", "/status/205", "", ""}, {"GET", "/status/206", "", ""}, {"GET", "/status/300", "", ""}, {"GET", "/status/301", "", ""}, {"GET", "/status/308", "", ""},
		{"GET", "/status/401", "", ""}, {"GET", "/status/402", "", ""}, {"GET", "/status/406", "", ""}, {"GET", "/status/421", "", ""}, {"GET", "/status/599", "", ""}, {"GET", "/status/abc", "", ""},
	},
	"/stream-bytes/{numBytes}": {{"", "/stream-bytes/10000?seed=1&chunk_size=100", "", ""}, {"GET", "/stream-bytes/0", "", ""}},
	"/stream/{numLines}":       {{"", "/stream/3", "", ""}},
	"/trailers":                {{"", "/trailers?a=1&x-Mixed-case=2", "hello", ""}, {"GET", "/trailers", "", ""}, {"GET", "/trailers?Content-Length=1", "", ""}},
	"/unstable":                {{"", "/unstable?failure_rate=1&seed=1", "", ""}, {"", "/unstable?failure_rate=0&seed=1", "", ""}},
	"POST /upload":             {{"POST", "/upload", strings.Repeat("x", 100_000), ""}, {"GET", "/upload", "", ""}},
	"PUT /upload":              {{"PUT", "/upload", "x", ""}},
	"PATCH /upload":            {{"PATCH", "/upload", strings.Repeat("x", 9_000), ""}},
	"/user-agent":              {{"", "/user-agent", "", "User-Agent: me/1"}},
	"/uuid":                    {{"", "/uuid", "", ""}},
	"/version":                 {{"", "/version", "", ""}},
	"/xml":                     {{"", "/xml", "", ""}},
	"":                         {{"", "/no/such/page", "", ""}},
}

// digest is the header of somebody who knows the password.
func digest(algorithm, uri, password string) string {
	hash := func(s string) string {
		if algorithm == "MD5" {
			return fmt.Sprintf("%x", md5.Sum([]byte(s)))
		}
		return fmt.Sprintf("%x", sha256.Sum256([]byte(s)))
	}
	response := hash(hash("u:go-httpbin:"+password) + ":n:00000001:c:auth:" + hash("GET:"+uri))
	return fmt.Sprintf("Authorization: Digest username=%q, realm=%q, nonce=%q, uri=%q, algorithm=%s, response=%q, qop=auth, nc=00000001, cnonce=%q", "u", "go-httpbin", "n", uri, algorithm, response, "c")
}

// bin starts httpbin by itself and behind a gateway.
func bin(t *testing.T) (direct string, r *rig) {
	t.Helper()
	h := httpbin.New(httpbin.WithHostname("bin"), httpbin.WithEnv(map[string]string{"HTTPBIN_ENV_A": "1"}))
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// httpbin shows the headers it is sent: those the gateway adds are a
		// difference that headers_test.go looks after.
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "X-Request-Id", "Traceparent"} {
			r.Header.Del(name)
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(app.Close)
	return app.URL, newRig(t, oneOwner("", app.URL))
}

func TestHTTPBinAnswersTheSameThroughTheGateway(t *testing.T) {
	direct, r := bin(t)
	for pattern, requests := range binEndpoints {
		for _, c := range requests {
			methods := []string{c.method}
			if c.method == "" {
				methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
			}
			for _, method := range methods {
				c.method = method
				t.Run(method+" "+c.path+" "+c.header, func(t *testing.T) {
					t.Parallel()
					same(t, r.client, direct, r.url, c, pattern)
				})
			}
		}
	}
}

// same compares an answer with the one through the gateway.
func same(t *testing.T, client *http.Client, direct, through string, c binRequest, pattern string) {
	t.Helper()
	a, bodyA := ask(t, client, direct, c)
	b, bodyB := ask(t, client, through, c)
	require.Equal(t, a.Status, b.Status)
	require.Equal(t, bodyA, bodyB)
	for _, res := range []*http.Response{a, b} {
		for _, name := range notTheSame {
			res.Header.Del(name)
			res.Trailer.Del(name)
		}
		steady(res.Header, pattern)
	}
	require.Equal(t, a.Header, b.Header)
	require.Equal(t, a.ContentLength, b.ContentLength)
	require.Equal(t, a.TransferEncoding, b.TransferEncoding)
	require.Equal(t, a.Trailer, b.Trailer)
	require.Equal(t, a.Close, b.Close)
}

// steady leaves of headers that tell the time, or are drawn by lot, that they are
// there.
func steady(h http.Header, pattern string) {
	for i, v := range h["Www-Authenticate"] {
		h["Www-Authenticate"][i] = drawn.ReplaceAllString(v, "$1=x")
	}
	for i, v := range h["Set-Cookie"] {
		h["Set-Cookie"][i] = expires.ReplaceAllString(v, "Expires=x")
	}
	slices.Sort(h["Set-Cookie"])               // httpbin keeps them in a map
	if lines := h["Trailer"]; len(lines) > 0 { // one list, in one line or in several
		h["Trailer"] = strings.Split(strings.Join(lines, ", "), ", ")
		slices.Sort(h["Trailer"])
	}
	if v := h.Get("Content-Type"); strings.HasPrefix(v, "multipart/") {
		h.Set("Content-Type", varies.ReplaceAllString(v, "x"))
	}
	for _, name := range []string{"Last-Modified", "Etag"} {
		if h.Get(name) != "" && (name == "Last-Modified" || pattern == "/cache") {
			h.Set(name, "x")
		}
	}
}

var (
	drawn   = regexp.MustCompile(`(nonce|opaque)=[0-9a-f]+`)
	expires = regexp.MustCompile(`Expires=[^;]+`)
	// varies finds in bodies what is drawn by lot, or tells the time.
	varies = regexp.MustCompile(`"timestamp": ?[0-9]+|[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}|\b[0-9a-f]{60}\b`)
)

// ask makes a request under one name, whichever way it goes.
func ask(t *testing.T, client *http.Client, base string, c binRequest) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(c.method, base+c.path, strings.NewReader(c.body))
	require.NoError(t, err)
	req.Host = "blog.example"
	if name, value, ok := strings.Cut(c.header, ": "); ok {
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, varies.ReplaceAllString(string(content), "")
}

// The table is complete: it has what the router of the library has, and what its
// index page links to or names.
func TestHTTPBinHasNoEndpointThatIsNotCompared(t *testing.T) {
	file, _ := runtime.FuncForPC(reflect.ValueOf(httpbin.New).Pointer()).FileLine(reflect.ValueOf(httpbin.New).Pointer())
	source, err := os.ReadFile(strings.Replace(file, "options.go", "httpbin.go", 1))
	if err != nil {
		t.Logf("the library's source is not at hand (%v): its index page must do", err)
	}
	patterns := regexp.MustCompile(`mux\.HandleFunc\("([^"]+)"`).FindAllStringSubmatch(string(source), -1)
	if err == nil {
		require.Greater(t, len(patterns), 60)
	}
	router := http.NewServeMux()
	for pattern := range binEndpoints {
		if pattern != "" {
			router.HandleFunc(pattern, func(http.ResponseWriter, *http.Request) {})
		}
	}
	for _, p := range patterns {
		require.Contains(t, binEndpoints, p[1], "an endpoint that is not compared")
	}

	direct, r := bin(t)
	_, page := ask(t, r.client, direct, binRequest{method: "GET", path: "/"})
	links := regexp.MustCompile(`(?:href="|<code>)(/[^"<? ]*)`).FindAllStringSubmatch(page, -1)
	require.Greater(t, len(links), 60)
	for _, link := range links {
		known := false
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
			req, err := http.NewRequest(method, direct+link[1], nil)
			require.NoError(t, err)
			_, pattern := router.Handler(req)
			known = known || pattern != ""
		}
		require.True(t, known, "%s is on the index page and not compared", link[1])
	}
}

func TestHTTPBinEchoesOverWebSocketsThroughTheGateway(t *testing.T) {
	direct, r := bin(t)
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	talk := func(base string) (heard []string) {
		c, res, err := websocket.Dial(ctx, strings.Replace(base, "http", "ws", 1)+"/websocket/echo?max_fragment_size=2048&max_message_size=10240", &websocket.DialOptions{HTTPClient: r.client})
		require.NoError(t, err)
		heard = append(heard, res.Status, res.Header.Get("Upgrade"), res.Header.Get("Connection"))
		for _, text := range []string{"", "hello", strings.Repeat("ä", 1000)} {
			require.NoError(t, c.Write(ctx, websocket.MessageText, []byte(text)))
			kind, message, err := c.Read(ctx)
			require.NoError(t, err)
			heard = append(heard, kind.String(), string(message))
		}
		err = c.Close(4000, "bye") // httpbin says its own farewell, 1000
		return append(heard, websocket.CloseStatus(err).String())
	}
	require.Equal(t, talk(direct), talk(r.url))
}
