package local_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/local"
	"banyan.dev/strangler/internal/steps"
)

func TestRoutesAreFilledInForThisMachine(t *testing.T) {
	replicas := map[string][]local.GatewayReplica{"app": {{Name: "app-0", URL: "http://127.0.0.1:1"}}}
	out, err := local.Render([]byte(pinned), local.Routing{Revision: 4, Replicas: replicas, Home: "app-0", Affinity: 1})
	require.NoError(t, err)
	require.Contains(t, string(out), "revision: 4")
	require.Contains(t, string(out), "home: app-0")
	require.Contains(t, string(out), "cookie: c\n")
	require.Contains(t, string(out), "url: http://127.0.0.1:1")

	_, err = local.Render([]byte(pinned), local.Routing{})
	require.ErrorContains(t, err, `owner "app" of the routes does not run`)
	_, err = local.Render([]byte("routes: []"), local.Routing{})
	require.ErrorContains(t, err, "no owners")
}

// A browser keeps the affinity cookie of the time before. Its replica may run again
// by the next time, without the session that the user has begun elsewhere meanwhile.
func TestEachTimeAffinityIsTurnedOnHasACookieOfItsOwn(t *testing.T) {
	path := newPath(t)
	run := create(t, path, filepath.Join(t.TempDir(), "run"))
	defer down(t, run)
	require.NoError(t, run.BringUp(t.Context(), 1))
	file := func() string {
		content, err := os.ReadFile(filepath.Join(run.Dir(), "gateway.yaml"))
		require.NoError(t, err)
		return string(content)
	}
	on, off := steps.Action{Verb: steps.Gateway, Value: "02-c"}, steps.Action{Verb: steps.Gateway, Value: "01-b"}
	do(t, run, on, on)
	require.Contains(t, file(), "cookie: c\n", "the same action twice is one time")
	do(t, run, off)
	require.NotContains(t, file(), "cookie")
	do(t, run, on)
	require.Contains(t, file(), "cookie: c_2\n")
}
