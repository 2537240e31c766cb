package watch_test

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func follow(t *testing.T, path string) <-chan string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	seen := make(chan string, 16)
	wait, err := watch.File(ctx, path, slog.New(slog.DiscardHandler), func(c []byte) { seen <- string(c) })
	require.NoError(t, err)
	t.Cleanup(func() { cancel(); wait() })
	return seen
}

func next(t *testing.T, seen <-chan string) string {
	t.Helper()
	select {
	case c := <-seen:
		return c
	case <-time.After(10 * time.Second):
		t.Fatal("no change was seen")
		return ""
	}
}

func TestARenameIsSeen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	require.NoError(t, watch.Write(path, []byte("one"), 0o644))
	seen := follow(t, path)
	require.Equal(t, "one", next(t, seen))
	require.NoError(t, watch.Write(path, []byte("two"), 0o644))
	require.Equal(t, "two", next(t, seen))
}

func TestAConfigMapSwapIsSeen(t *testing.T) {
	dir := t.TempDir()
	version := func(name, content string) {
		require.NoError(t, os.Mkdir(filepath.Join(dir, name), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name, "settings.yaml"), []byte(content), 0o644))
		require.NoError(t, os.Symlink(name, filepath.Join(dir, "..data_tmp")))
		require.NoError(t, os.Rename(filepath.Join(dir, "..data_tmp"), filepath.Join(dir, "..data")))
	}
	version("..v1", "one")
	require.NoError(t, os.Symlink(filepath.Join("..data", "settings.yaml"), filepath.Join(dir, "settings.yaml")))
	seen := follow(t, filepath.Join(dir, "settings.yaml"))
	require.Equal(t, "one", next(t, seen))
	version("..v2", "two")
	require.Equal(t, "two", next(t, seen))
}

func TestAFileThatGoesAwayKeepsItsContentInForce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	require.NoError(t, watch.Write(path, []byte("one"), 0o644))
	seen := follow(t, path)
	require.Equal(t, "one", next(t, seen))
	require.NoError(t, os.Remove(path))
	require.NoError(t, watch.Write(path, []byte("two"), 0o644))
	require.Equal(t, "two", next(t, seen), "never an empty content in between")
}

func TestAMissingFileIsAnErrorAtTheStart(t *testing.T) {
	_, err := watch.File(context.Background(), filepath.Join(t.TempDir(), "none.yaml"), slog.New(slog.DiscardHandler), func([]byte) {})
	require.ErrorContains(t, err, "none.yaml")
}
