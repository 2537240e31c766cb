package edge_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/current/currenttest"
	"banyan.dev/gateway/internal/dataplane"
	"banyan.dev/gateway/internal/edge"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"))
}

const wait = 10 * time.Second

// rig is the edge before a data plane before an owner, on a real port.
type rig struct {
	addr      string
	cert, key string
	h1, h2    *http.Client
}

// certify writes a certificate of that name for 127.0.0.1, signed by itself.
func certify(t *testing.T, name, cert, key string) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	require.NoError(t, os.WriteFile(cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
}

var generous = edge.Limits{Header: 16 << 10, HeadTime: wait, Idle: time.Minute, WriteStall: time.Minute, Connections: 1000}

func newRig(t *testing.T, app http.HandlerFunc) *rig { return newRigWith(t, app, generous) }

func newRigWith(t *testing.T, app http.HandlerFunc, limits edge.Limits) *rig {
	owner := httptest.NewServer(app)
	now := currenttest.New(t)
	require.NoError(t, now.Apply("file", "gateway.yaml", []byte(fmt.Sprintf(`
owners: {app: {health: {path: /up}, replicas: [{name: r0, url: %q}]}, new: {replicas: [{name: r0, url: %q}]}}
routes: [{match: {path: "/*"}, owner: app, max_body: 1MiB, canary: {owner: new, percent: 0, by: user}}]
`, owner.URL, owner.URL)), current.Any))
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	public := dataplane.New(plain, now.Current, now.Lasting.Metrics, now.Logger, dataplane.DefaultLimits())
	r := &rig{cert: filepath.Join(t.TempDir(), "cert.pem"), key: filepath.Join(t.TempDir(), "key.pem")}
	certify(t, "first", r.cert, r.key)
	certificate, err := edge.Follow(context.Background(), r.cert, r.key, now.Logger)
	require.NoError(t, err)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	link := edge.NewLink()
	server := edge.New(certificate, link, limits)
	ended := make(chan error, 3)
	go func() { ended <- public.Serve() }()
	go func() { ended <- public.ServeLink(link) }()
	go func() { ended <- server.Serve(ln) }()
	r.addr = ln.Addr().String()
	insecure := &tls.Config{InsecureSkipVerify: true} //nolint:gosec // its own certificate
	h1 := &http.Transport{TLSClientConfig: insecure, TLSNextProto: map[string]func(string, *tls.Conn) http.RoundTripper{}, DisableCompression: true}
	h2 := &http.Transport{TLSClientConfig: insecure.Clone(), ForceAttemptHTTP2: true, DisableCompression: true}
	r.h1, r.h2 = &http.Client{Transport: h1}, &http.Client{Transport: h2}
	t.Cleanup(func() {
		h1.CloseIdleConnections()
		h2.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		require.NoError(t, server.Drain(ctx))
		require.NoError(t, link.Close())
		require.NoError(t, public.Drain(ctx))
		for range 3 {
			require.NoError(t, <-ended)
		}
		certificate.Close()
		now.Close(t)
		owner.Close()
	})
	return r
}

func (r *rig) both(t *testing.T, work func(t *testing.T, c *http.Client)) {
	t.Run("HTTP/1.1", func(t *testing.T) { work(t, r.h1) })
	t.Run("HTTP/2", func(t *testing.T) { work(t, r.h2) })
}

func ask(t *testing.T, c *http.Client, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	res, err := c.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return res, string(text)
}

func TestWhatTheOwnerSeesIsWhatTheDataPlaneSays(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s for=%q proto=%q host=%q real=%q user=%q id=%t", r.Method, r.RequestURI, r.Header.Get("X-Forwarded-For"),
			r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Host"), r.Header.Get("X-Real-Ip"), r.Header.Get("X-User-Id"), r.Header.Get("X-Request-Id") != "")
	})
	r.both(t, func(t *testing.T, c *http.Client) {
		res, body := ask(t, c, "GET", "https://"+r.addr+"/a//b/../c?x=1;y=%zz", "",
			"X-Forwarded-For", "6.6.6.6", "X-Forwarded-Proto", "gopher", "X-Real-Ip", "6.6.6.6", "X-User-Id", "admin")
		require.Equal(t, 200, res.StatusCode)
		require.Equal(t, `GET /a/c?x=1;y=%zz for="127.0.0.1" proto="https" host="`+r.addr+`" real="127.0.0.1" user="" id=true`, body)
		require.Equal(t, "app/r0", res.Header.Get("X-Served-By"))
		require.Len(t, res.Cookies(), 1)
		require.True(t, res.Cookies()[0].Secure, "the gateway's cookies come by TLS alone")

		for _, path := range []string{"/internal/x", "/_strangler/", "/%2e%2e/metrics"} {
			res, _ = ask(t, c, "GET", "https://"+r.addr+path, "")
			require.Equal(t, 404, res.StatusCode, path)
		}
		res, _ = ask(t, c, "GET", "https://"+r.addr+"/a%2fb", "")
		require.Equal(t, 400, res.StatusCode)
		res, _ = ask(t, c, "POST", "https://"+r.addr+"/", strings.Repeat("x", 1<<20+1))
		require.Equal(t, 413, res.StatusCode)
	})
}

func TestBothProtocolsAreSpoken(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) {})
	res, _ := ask(t, r.h1, "GET", "https://"+r.addr, "")
	require.Equal(t, 1, res.ProtoMajor)
	res, _ = ask(t, r.h2, "GET", "https://"+r.addr, "")
	require.Equal(t, 2, res.ProtoMajor)
}

func TestBodiesStreamBothWays(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		_ = rc.EnableFullDuplex()
		w.Header().Set("Trailer", "X-Sum")
		in := bufio.NewReader(r.Body)
		lines := 0
		for {
			line, err := in.ReadString('\n')
			if err != nil {
				break
			}
			lines++
			fmt.Fprint(w, "got ", line)
			_ = rc.Flush()
		}
		w.Header().Set("X-Sum", fmt.Sprint(lines))
	})
	r.both(t, func(t *testing.T, c *http.Client) {
		out, in := io.Pipe()
		req, err := http.NewRequest("POST", "https://"+r.addr, out)
		require.NoError(t, err)
		go func() { _, _ = io.WriteString(in, "one\n") }()
		res, err := c.Do(req)
		require.NoError(t, err)
		defer res.Body.Close()
		answer := bufio.NewReader(res.Body)
		for _, line := range []string{"one\n", "two\n", "three\n"} {
			got, err := answer.ReadString('\n')
			require.NoError(t, err)
			require.Equal(t, "got "+line, got, "before the request has ended")
			if next := map[string]string{"one\n": "two\n", "two\n": "three\n"}[line]; next != "" {
				_, err = io.WriteString(in, next)
				require.NoError(t, err)
			}
		}
		require.NoError(t, in.Close())
		_, err = io.ReadAll(answer)
		require.NoError(t, err)
		require.Equal(t, "3", res.Trailer.Get("X-Sum"))
	})
}

func TestAClientThatLeavesIsNoticed(t *testing.T) {
	begun, left := make(chan struct{}, 2), make(chan struct{}, 2)
	r := newRig(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/up" {
			return
		}
		begun <- struct{}{}
		<-r.Context().Done()
		left <- struct{}{}
	})
	r.both(t, func(t *testing.T, c *http.Client) {
		ctx, cancel := context.WithCancel(context.Background())
		req, err := http.NewRequestWithContext(ctx, "GET", "https://"+r.addr, nil)
		require.NoError(t, err)
		failed := make(chan error, 1)
		go func() {
			res, err := c.Do(req)
			if err == nil {
				_ = res.Body.Close()
			}
			failed <- err
		}()
		<-begun
		cancel()
		require.Error(t, <-failed)
		select {
		case <-left:
		case <-time.After(wait):
			t.Fatal("the owner works on for nobody")
		}
	})
}

func TestAWebSocketPasses(t *testing.T) {
	r := newRig(t, func(w http.ResponseWriter, r *http.Request) {
		c, err := websocket.Accept(w, r, nil)
		if err != nil {
			return
		}
		defer func() { _ = c.CloseNow() }()
		kind, text, err := c.Read(r.Context())
		if err == nil {
			_ = c.Write(r.Context(), kind, append([]byte("echo "), text...))
		}
		_ = c.Close(websocket.StatusNormalClosure, "")
	})
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	c, _, err := websocket.Dial(ctx, "wss://"+r.addr, &websocket.DialOptions{HTTPClient: r.h1})
	require.NoError(t, err)
	defer func() { _ = c.CloseNow() }()
	require.NoError(t, c.Write(ctx, websocket.MessageText, []byte("hello")))
	_, text, err := c.Read(ctx)
	require.NoError(t, err)
	require.Equal(t, "echo hello", string(text))
}

func TestARenewedCertificateIsTakenOver(t *testing.T) {
	r := newRig(t, func(http.ResponseWriter, *http.Request) {})
	name := func() string {
		c, err := tls.Dial("tcp", r.addr, &tls.Config{InsecureSkipVerify: true}) //nolint:gosec // its own certificate
		require.NoError(t, err)
		defer c.Close()
		return c.ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	require.Equal(t, "first", name())
	certify(t, "second", r.cert, r.key)
	require.Eventually(t, func() bool { return name() == "second" }, wait, 10*time.Millisecond)
	require.NoError(t, os.WriteFile(r.cert, []byte("no certificate"), 0o600))
	require.Equal(t, "second", name(), "what is no pair changes nothing")
}

func TestFilesThatMakeNoPairAreRefusedAtTheStart(t *testing.T) {
	_, err := edge.Follow(context.Background(), "missing.pem", "missing.key", currenttest.New(t).Logger)
	require.ErrorContains(t, err, `TLS_CERT_FILE "missing.pem"`)
}
