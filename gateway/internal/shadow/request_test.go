package shadow

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"banyan.dev/gateway/internal/config"
)

// FuzzHead holds what is sent against net/http's reading of it: no credential, the
// same request line, and nothing that begins a second request.
func FuzzHead(f *testing.F) {
	const request = "GET /a?b=c HTTP/1.1\r\nHost: x\r\n"
	for _, lines := range []string{
		"Cookie: a=1; pass=2;;=;x\r\n\r\n", "Authorization: x\r\n\r\n", "Accept: a\nAuthorization: b\r\n\r\n", " Cookie: x\r\n\r\n", "Cookie : x\r\n\r\n",
		"Content-Length: 0\r\n\r\n", "Content-Length: 4\r\n\r\nabcd", "Transfer-Encoding: chunked\r\n\r\n", "Upgrade: h2c\r\n\r\n", "X: y\r\n\r\nGET / HTTP/1.1\r\n\r\n", ":\r\n", "\r\n",
	} {
		f.Add([]byte(request + lines))
	}
	r := New().Open("fuzz", config.Shadow{Pass: config.Credentials{Cookies: []string{"pass"}}}, nil, nil)
	f.Fuzz(func(t *testing.T, head []byte) {
		c := &Copy{route: r, head: head}
		out, req, err := c.appendHead(nil, forShadow)
		if err != nil {
			return
		}
		reader := bufio.NewReader(bytes.NewReader(out))
		got, err := http.ReadRequest(reader)
		if err != nil {
			return // then no owner reads it either
		}
		for name, values := range got.Header {
			if name == "Cookie" {
				if v := strings.Join(values, ";"); strings.Count(v, "=") < 1 || !strings.HasPrefix(v, "pass") {
					t.Fatalf("cookies %q in %q", v, out)
				}
				continue
			}
			if isCredential([]byte(name)) {
				t.Fatalf("%s in %q", name, out)
			}
		}
		if got.Method != string(req.method) || got.RequestURI != string(req.target) || got.Header.Get(HeaderName) != "1" {
			t.Fatalf("another request: %q", out)
		}
		if got.ContentLength > 0 || len(got.TransferEncoding) > 0 || reader.Buffered() > 0 {
			t.Fatalf("more than a request: %q", out)
		}
	})
}
