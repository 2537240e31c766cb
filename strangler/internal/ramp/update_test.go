package ramp_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/ramp"
)

// Several tools edit one file at the same time: each edit is in it.
func TestNoEditOfTheFileIsLost(t *testing.T) {
	path := filepath.Join(t.TempDir(), "gateway.yaml")
	require.NoError(t, os.WriteFile(path, []byte("# of the test\n"), 0o600))
	var tools sync.WaitGroup
	for i := range 16 {
		tools.Go(func() {
			if err := ramp.Update(path, func(text []byte) ([]byte, error) { return fmt.Appendf(text, "# %d\n", i), nil }); err != nil {
				t.Error(err)
			}
		})
	}
	tools.Wait()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, 17, strings.Count(string(text), "\n"), "%s", text)

	no := errors.New("no")
	require.ErrorIs(t, ramp.Update(path, func([]byte) ([]byte, error) { return nil, no }), no)
	require.NoError(t, ramp.Update(path, func([]byte) ([]byte, error) { return nil, nil }), "nothing to write")
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, after)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
