package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/run"
)

// Steps name no balancer, since they don't know where they run: the environment does,
// and a file that names its own goes before it.
func TestWhichBalancerIsBelievedIsTheEnvironmentsUnlessTheFileSays(t *testing.T) {
	owner := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header.Get("X-Real-Ip")) }))
	defer owner.Close()
	for _, c := range []struct{ env, file, want string }{
		{"", "", "127.0.0.1"},
		{"127.0.0.0/8,10.0.0.0/8", "", "203.0.113.9"},
		{"127.0.0.0/8", "clients: {trusted_proxies: [192.0.2.0/24]}\n", "127.0.0.1"},
	} {
		t.Setenv("TRUSTED_PROXIES", c.env)
		file := filepath.Join(t.TempDir(), "gateway.yaml")
		require.NoError(t, os.WriteFile(file, []byte(configFor(t, 1, owner.URL)+c.file), 0o600))
		s := testSettings(file)
		read, err := readSettings()
		require.NoError(t, err)
		s.Proxies = read.Proxies
		var started run.Stack
		g, err := start(context.Background(), s, slog.New(slog.DiscardHandler), &started)
		require.NoError(t, err)
		request, err := http.NewRequest(http.MethodGet, "http://"+g.public.Addr().String(), nil)
		require.NoError(t, err)
		request.Header.Set("X-Forwarded-For", "203.0.113.9")
		answer, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(request)
		require.NoError(t, err)
		told, err := io.ReadAll(answer.Body)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		require.Equal(t, c.want, string(told), "environment %q, file %q", c.env, c.file)
		require.NoError(t, started.Stop(context.Background()))
	}
	t.Setenv("TRUSTED_PROXIES", "the-balancer")
	_, err := readSettings()
	require.ErrorContains(t, err, `TRUSTED_PROXIES "the-balancer"`)
}
