package embedded

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWhatIsFetchedMustBeWhatWasLookedAt(t *testing.T) {
	var asked string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path
		_, _ = w.Write([]byte("something else"))
	}))
	defer server.Close()
	cache := t.TempDir()
	s := source{base: server.URL + "/", version: "1.2.3", client: server.Client(),
		sha256: map[string]string{platform(): strings.Repeat("0", 64)}}

	_, err := s.fetch(context.Background(), cache, func(string) {})

	require.ErrorContains(t, err, "has SHA-256")
	require.Equal(t, "/io/zonky/test/postgres/embedded-postgres-binaries-"+platform()+
		"/1.2.3/embedded-postgres-binaries-"+platform()+"-1.2.3.jar", asked)
	left, err := os.ReadDir(cache)
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestAFailedFetchNamesTheStatus(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	s := source{base: server.URL, version: "1.2.3", client: server.Client(), sha256: map[string]string{platform(): "0"}}
	_, err := s.fetch(context.Background(), t.TempDir(), func(string) {})
	require.ErrorContains(t, err, "404")
}

// program writes an executable that answers --version.
func program(t *testing.T, dir, version string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for _, name := range []string{"postgres", "initdb"} {
		script := "#!/bin/sh\necho '" + name + " (PostgreSQL) " + version + "'\n"
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
	}
}

func TestPathComesFirstThenTheNewestInstalled(t *testing.T) {
	dir := t.TempDir()
	program(t, filepath.Join(dir, "path"), "14.2")
	program(t, filepath.Join(dir, "installed/15/bin"), "15.18")
	program(t, filepath.Join(dir, "installed/17/bin"), "17.5")
	program(t, filepath.Join(dir, "installed/9/bin"), "9.6")
	patterns := []string{filepath.Join(dir, "installed/*/bin")}

	got, err := findPostgres(t.Context(), filepath.Join(dir, "none")+":"+filepath.Join(dir, "path"), patterns)
	require.NoError(t, err)
	require.Equal(t, 14, got.Version)

	got, err = findPostgres(t.Context(), "", patterns)
	require.NoError(t, err)
	require.Equal(t, Binaries{Dir: filepath.Join(dir, "installed/17/bin"), Version: 17}, got)

	_, err = findPostgres(t.Context(), "", []string{filepath.Join(dir, "installed/9/bin")})
	require.ErrorIs(t, err, ErrNoPostgres, "too old is as good as none")
}
