package command

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyGoIsAParentToWatch(t *testing.T) {
	require.False(t, isGo(t.Context(), os.Getpid()), "this is a test's program")
	require.False(t, isGo(t.Context(), 1<<30), "nobody has this pid")
	ctx, stop := watchParent(t.Context())
	require.NoError(t, ctx.Err())
	stop()
	<-ctx.Done()
}
