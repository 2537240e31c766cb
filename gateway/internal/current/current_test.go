package current_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/current/currenttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func holder(t *testing.T) *current.Current {
	c := currenttest.New(t)
	t.Cleanup(func() { c.Close(t) })
	return c.Current
}

func text(revision int, path string) []byte {
	numbered := ""
	if revision > 0 {
		numbered = fmt.Sprintf("revision: %d\n", revision)
	}
	return []byte(numbered + "owners: {a: {replicas: [{name: r0, url: \"http://127.0.0.1:1\"}]}}\nroutes: [{match: {path: " + path + "}, owner: a}]\n")
}

func TestRevisionsOnlyRise(t *testing.T) {
	c := holder(t)
	require.NoError(t, c.Apply("file", "f", text(5, "/a"), current.Any))
	require.NoError(t, c.Apply("file", "f", text(7, "/b"), current.Any))
	for _, stale := range []int{6, 7} {
		err := c.Apply("file", "gateway.yaml", text(stale, "/c"), current.Any)
		require.ErrorIs(t, err, current.ErrStale)
		require.EqualError(t, err, fmt.Sprintf("stale revision: gateway.yaml: revision: %d is not above the running 7; raise it to 8, or leave it out where there is one gateway", stale))
	}
	require.Equal(t, int64(7), c.Snapshot().Revision)
	require.Equal(t, "/b", c.Snapshot().Table.Routes[0].Pattern)
}

func TestTheCallerMustHaveSeenWhatItReplaces(t *testing.T) {
	c := holder(t)
	require.NoError(t, c.Apply("file", "f", text(1, "/a"), current.Any))
	require.ErrorIs(t, c.Apply("api", "body", text(9, "/b"), 0), current.ErrMismatch)
	require.NoError(t, c.Apply("api", "body", text(2, "/b"), 1))
	require.NoError(t, c.Apply("api", "body", text(2, "/b"), 1), "the same again is no error: its answer may have been lost")
	require.Equal(t, int64(2), c.Snapshot().Revision)
}

// Two gateways may have one number and mean two things by it.
func TestTheDigestTellsTextsOfOneRevisionApart(t *testing.T) {
	one, other := holder(t), holder(t)
	for _, c := range []*current.Current{one, other} {
		require.False(t, c.FileDiffers())
		require.NoError(t, c.Apply("file", "f", text(1, "/a"), current.Any))
		require.False(t, c.FileDiffers())
	}
	require.Equal(t, one.Snapshot().Digest, other.Snapshot().Digest)
	require.Len(t, one.Snapshot().Digest, 16)

	require.NoError(t, one.Apply("api", "body", text(2, "/b"), 1))
	require.True(t, one.FileDiffers(), "steered")
	require.ErrorIs(t, one.Apply("file", "f", text(2, "/c"), current.Any), current.ErrStale)
	require.NoError(t, other.Apply("file", "f", text(2, "/c"), current.Any))
	require.Equal(t, one.Snapshot().Revision, other.Snapshot().Revision)
	require.NotEqual(t, one.Snapshot().Digest, other.Snapshot().Digest)
	require.True(t, one.FileDiffers())
	require.False(t, other.FileDiffers())

	require.NoError(t, one.Apply("file", "f", text(2, "/b"), current.Any))
	require.False(t, one.FileDiffers(), "the file says it too")
}

func TestARefusedTextKeepsTheRunningOneAndIsTold(t *testing.T) {
	c := holder(t)
	require.NoError(t, c.Apply("file", "f", text(1, "/a"), current.Any))
	running := c.Snapshot()
	var wrong config.Errors
	require.ErrorAs(t, c.Apply("file", "gateway.yaml", []byte("owners: 1\n"), current.Any), &wrong)
	require.Same(t, running, c.Snapshot())
	require.Equal(t, "file", c.Refused().Source)
	require.Contains(t, c.Refused().Reason, "gateway.yaml:1: owners")
}

func TestAFileWithoutRevisionIsNumbered(t *testing.T) {
	c := holder(t)
	require.NoError(t, c.Apply("file", "f", text(0, "/a"), current.Any))
	require.Equal(t, int64(0), c.Snapshot().Revision)
	require.NoError(t, c.Apply("file", "f", text(0, "/b"), current.Any))
	require.Equal(t, int64(1), c.Snapshot().Revision)
}

func TestAReplicaInBothKeepsItsFigures(t *testing.T) {
	c := holder(t)
	require.NoError(t, c.Apply("file", "f", text(1, "/a"), current.Any))
	replica := c.Snapshot().Table.Owners[0].Group.Replicas()[0]
	replica.Begin()
	require.NoError(t, c.Apply("file", "f", text(2, "/b"), current.Any))
	require.Same(t, replica, c.Snapshot().Table.Owners[0].Group.Replicas()[0])
	require.Equal(t, int64(1), replica.InFlight())
}
