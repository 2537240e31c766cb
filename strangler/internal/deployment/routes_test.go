package deployment_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/steps"
)

func TestRoutesAreFilledInForThisMachine(t *testing.T) {
	replicas := map[string][]deployment.GatewayReplica{"app": {{Name: "app-0", URL: "http://127.0.0.1:1"}}}
	out, err := deployment.Render([]byte(pinned), deployment.Routing{Revision: 4, Replicas: replicas, Home: "app-0", Affinity: 1})
	require.NoError(t, err)
	require.Contains(t, string(out), "revision: 4")
	require.Contains(t, string(out), "home: app-0")
	require.Contains(t, string(out), "cookie: c\n")
	require.Contains(t, string(out), "url: http://127.0.0.1:1")

	_, err = deployment.Render([]byte(pinned), deployment.Routing{})
	require.ErrorContains(t, err, `owner "app" of the routes does not run`)
	_, err = deployment.Render([]byte("routes: []"), deployment.Routing{})
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

// A mistake in the routes of a step far ahead is told before the first thing is done.
func TestRoutesAreCheckedBeforeAnythingIsDone(t *testing.T) {
	path := newPath(t)
	front := path.Processes["front"]
	front.Validate = []string{"validate"}
	path.Processes["front"] = front
	const want = "nothing was done: routes that the gateway would refuse:\nfront validate migration-steps/03-wrong/gateway.yaml: exit status 1\nmigration-steps/03-wrong/gateway.yaml:3: typo"
	require.EqualError(t, deployment.CheckRoutes(t.Context(), path), want)

	run, err := deployment.Create(t.Context(), path, filepath.Join(t.TempDir(), "run"), deployment.Options{Owner: "up"}, silent)
	require.NoError(t, err)
	defer down(t, run)
	require.EqualError(t, run.Prepare(t.Context(), 0), want)
}

func TestARampedShareIsPartOfTheRoutes(t *testing.T) {
	replicas := map[string][]deployment.GatewayReplica{"app": {{Name: "app-0", URL: "http://127.0.0.1:1"}}}
	const canaried = `owners: {app: {address: "http://app:8080"}}
routes: [{name: all, match: {path: "/*"}, owner: app, canary: {owner: app, percent: 0}}]
`
	out, err := deployment.Render([]byte(canaried), deployment.Routing{Revision: 9, Replicas: replicas, Shares: map[string]ramp.Share{"all": 250}})
	require.NoError(t, err)
	policy, err := ramp.Lookup(out, "all")
	require.NoError(t, err)
	require.Equal(t, ramp.Policy{Revision: 9, Owner: "app", Canary: "app", Share: 250}, policy)
}
