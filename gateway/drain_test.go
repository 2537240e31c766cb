package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/run"
)

// certified writes the pair of files that TLS is served with.
func certified(t *testing.T, s *settings) {
	t.Helper()
	borrowed := httptest.NewTLSServer(http.NotFoundHandler())
	defer borrowed.Close()
	pair := borrowed.TLS.Certificates[0]
	secret, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	require.NoError(t, err)
	dir := t.TempDir()
	s.TLSListen, s.TLSCert, s.TLSKey = "127.0.0.1:0", filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(s.TLSCert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: pair.Certificate[0]}), 0o600))
	require.NoError(t, os.WriteFile(s.TLSKey, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
}

// goes is an owner with an endless stream of events and a path that is answered when
// the test lets it.
type goes struct {
	*httptest.Server
	begun        chan struct{}
	event, leave chan struct{}
}

func newGoes(t *testing.T) *goes {
	o := &goes{begun: make(chan struct{}, 64), event: make(chan struct{}), leave: make(chan struct{})}
	o.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			for {
				fmt.Fprint(w, "data: x\n\n")
				_ = http.NewResponseController(w).Flush()
				select {
				case <-o.event:
				case <-r.Context().Done():
					return
				}
			}
		case "/slow":
			o.begun <- struct{}{}
			select {
			case <-o.leave:
			case <-r.Context().Done():
			}
			fmt.Fprint(w, "done")
		}
	}))
	t.Cleanup(func() {
		o.CloseClientConnections()
		o.Close()
	})
	return o
}

// A stream over TLS lasts as long as the drain does. It must not take the time of
// those who are served over the plain port.
func TestALongRequestOverTLSTakesNobodysTimeInADrain(t *testing.T) {
	app := newGoes(t)
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	require.NoError(t, os.WriteFile(file, []byte(configFor(t, 1, app.URL)), 0o600))
	s := testSettings(file)
	certified(t, &s)
	var started run.Stack
	g, err := start(context.Background(), s, slog.New(slog.DiscardHandler), &started)
	require.NoError(t, err)

	secure := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}} //nolint:gosec // its own certificate
	defer secure.CloseIdleConnections()
	stream, err := secure.Get("https://" + g.secure.Addr().String() + "/events")
	require.NoError(t, err)
	defer stream.Body.Close()
	events := bufio.NewReader(stream.Body)
	_, err = events.ReadString('\n')
	require.NoError(t, err)
	answers := make(chan string, 8)
	for range 8 {
		go func() { answers <- tried("http://" + g.public.Addr().String() + "/slow") }()
	}
	for range 8 {
		<-app.begun
	}

	// The drain ends when the test has seen what it wants to.
	drain, over := context.WithCancel(context.Background())
	stopped := make(chan error, 1)
	go func() { stopped <- started.Stop(drain) }()
	require.Eventually(t, func() bool { return refuses(g.public) && refuses(g.secure) }, wait, time.Millisecond, "both doors are closed at once")
	app.event <- struct{}{}
	for range 3 {
		_, err = events.ReadString('\n')
		require.NoError(t, err, "the stream goes on")
	}
	close(app.leave)
	for range 8 {
		require.Equal(t, "200 done", <-answers)
	}
	over()
	require.ErrorIs(t, <-stopped, context.Canceled, "the stream was cut")
	_, err = io.ReadAll(events)
	require.Error(t, err)
}

func refuses(ln net.Listener) bool {
	conn, err := net.Dial("tcp", ln.Addr().String())
	if err == nil {
		_ = conn.Close()
	}
	return err != nil
}

func tried(url string) string {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Get(url)
	if err != nil {
		return err.Error()
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprint(res.StatusCode, " ", string(body))
}

// What a page of another name reads through the browser of somebody at this machine
// would be the whole configuration.
func TestAnAdminPortOnLoopbackIsForThisMachine(t *testing.T) {
	s := startServing(t, "http://127.0.0.1:1", "0s")
	req, err := http.NewRequest(http.MethodGet, s.admin+"/api/config", nil)
	require.NoError(t, err)
	req.Host = "rebound.example"
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusMisdirectedRequest, res.StatusCode)
	s.end()
	s.wait(t)
}
