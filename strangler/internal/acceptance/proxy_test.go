package acceptance

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// proxy stands in front of the blog and breaks what it is told to. The zero value
// breaks nothing.
type proxy struct {
	// handle may answer by itself, or pass the request on, changed or not.
	handle func(w http.ResponseWriter, r *http.Request, pass http.Handler)
	// answer may change what the blog answered.
	answer func(*http.Response) error
	// buffers keeps the answer back until it is whole.
	buffers bool
}

// inFrontOf starts the proxy and returns its address.
func (p proxy) inFrontOf(t testing.TB, blog string) string {
	t.Helper()
	target, err := url.Parse(blog)
	require.NoError(t, err)
	transport := &http.Transport{DisableCompression: true, ExpectContinueTimeout: 5 * time.Second}
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		Transport:      transport,
		FlushInterval:  -1,
		ModifyResponse: p.answer,
		ErrorLog:       log.New(io.Discard, "", 0), // a broken proxy complains
	}
	if p.buffers {
		pass.FlushInterval = 0
	}
	handler := http.Handler(pass)
	if p.handle != nil {
		handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.handle(w, r, pass) })
	}
	server := httptest.NewServer(handler)
	t.Cleanup(func() { server.Close(); transport.CloseIdleConnections() })
	return server.URL
}

// replaced changes the body of an answer.
func replaced(r *http.Response, change func([]byte) []byte) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	_ = r.Body.Close()
	body = change(body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	return nil
}
