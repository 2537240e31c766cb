package acceptance

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/steps"
)

// theMoves is a path of one step: a small application, its next release, and two real
// gateways.
func theMoves(t *testing.T) steps.Path {
	t.Helper()
	whole, err := filepath.Abs(root)
	require.NoError(t, err)
	app := steps.Process{Package: "./strangler/internal/deployment/testdata/app"}
	path := steps.Path{Root: whole, Processes: map[string]steps.Process{
		"app": app, "next": app,
		"gateway": {Package: "./gateway", Environment: map[string]string{"CONFIG_FILE": "${gateway.file}", "LOG_LEVEL": "warn", "DRAIN_NOTICE": "0s"}},
	}}
	for name, p := range path.Processes {
		p.Name = name
		path.Processes[name] = p
	}
	path.Steps = []steps.Step{{
		Name: "00-moves", Entry: "gateway", Sessions: "memory", UserCache: "off",
		Runs: []steps.Run{{Process: "app", Replicas: 1}, {Process: "next", Replicas: 1}, {Process: "gateway", Replicas: 2}},
		Gateway: []byte(`
owners:
  app: {address: "http://app:8080", health: {path: /readyz}}
  next: {address: "http://next:8080", health: {path: /readyz}}
routes:
  - name: reads
    match: {path: "/*", methods: [GET]}
    owner: app
    canary: {owner: next, percent: 0, by: user}
    shadow: {owner: next, percent: 50}
  - {name: writes, match: {path: "/*"}, owner: app, hold: {max_wait: 30s}}
`),
	}}
	return path
}

// crowd asks the run's gateway, readers and writers, until it is told to stop; then it
// tells how many were answered otherwise than by the application.
func crowd(t *testing.T, url string) (stop func() (wrong int64)) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wrong atomic.Int64
	var all sync.WaitGroup
	transport := &http.Transport{MaxIdleConnsPerHost: 40}
	for i := range 40 {
		method := map[bool]string{true: http.MethodPost, false: http.MethodGet}[i%4 == 0]
		all.Go(func() {
			client := &http.Client{Transport: transport, Jar: newJar()}
			for ctx.Err() == nil {
				// The application knows no path; its 404 is its answer, without the gateway's problem.
				if !answers404(client, method, url+"/a") {
					wrong.Add(1)
				}
				select {
				case <-ctx.Done():
				case <-time.After(30 * time.Millisecond):
				}
			}
		})
	}
	return func() int64 {
		cancel()
		all.Wait()
		transport.CloseIdleConnections()
		return wrong.Load()
	}
}

func answers404(client *http.Client, method, url string) bool {
	req, err := http.NewRequest(method, url, strings.NewReader(""))
	if err != nil {
		return false
	}
	res, err := client.Do(req)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	return res.StatusCode == http.StatusNotFound && res.Header.Get("X-Served-By") != "gateway"
}

func do(t *testing.T, run *deployment.Run, verb steps.Verb, m steps.Move) error {
	t.Helper()
	return run.Do(t.Context(), steps.Action{Verb: verb, Process: "app", Move: &m})
}

func TestTheMovesOfAStepWorkOnARun(t *testing.T) {
	t.Parallel()
	path, dir := theMoves(t), filepath.Join(t.TempDir(), "run")
	run, err := deployment.Create(t.Context(), path, dir, deployment.Options{Owner: "up"}, func(line string) { t.Log(line) })
	require.NoError(t, err)
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, run.Down(ctx))
	}()
	require.NoError(t, run.Prepare(t.Context(), 0))
	require.NoError(t, run.BringUp(t.Context(), 0))
	stop := crowd(t, run.EntryURL())

	reads := []string{"reads"}
	require.NoError(t, do(t, run, steps.Shadow, steps.Move{Routes: reads, Answers: 50, For: 30 * time.Second}))
	up := steps.Move{Routes: reads, To: 5000, Steps: []ramp.Share{3000}, For: time.Second, Answers: 30, TooFew: ramp.GoBack, Floor: time.Second}
	require.NoError(t, do(t, run, steps.Ramp, up))
	require.Equal(t, ramp.Share(5000), run.Ramped().Now)
	require.Positive(t, run.Ramped().Canary.Requests)

	// The share is part of the run: other commands see it, and what else changes the routes keeps it.
	require.NoError(t, run.Close())
	run, err = deployment.Open(path, dir, func(line string) { t.Log(line) })
	require.NoError(t, err)
	require.Equal(t, map[string]ramp.Share{"reads": 5000}, run.Status(t.Context()).Shares)
	require.NoError(t, run.Do(t.Context(), steps.Action{Verb: steps.Scale, Process: "app", Replicas: 2}))
	require.NoError(t, do(t, run, steps.Ramp, steps.Move{Routes: reads, To: 0}))
	require.Equal(t, ramp.Share(5000), run.Ramped().From)

	// A slow canary is taken back.
	pull, err := run.Plant(t.Context(), steps.Fault{Process: "next", Delay: 300 * time.Millisecond})
	require.NoError(t, err)
	slow := up
	slow.For, slow.Floor, slow.Worse = 30*time.Second, 100*time.Millisecond, true
	require.NoError(t, do(t, run, steps.Ramp, slow))
	require.Equal(t, ramp.Worse, run.Ramped().Result)
	require.Zero(t, run.Ramped().Now)
	require.NoError(t, pull())

	// Writes wait while the application is restarted.
	writes := steps.Move{Routes: []string{"writes"}, For: 10 * time.Second}
	require.NoError(t, do(t, run, steps.Hold, writes))
	require.NoError(t, run.Do(t.Context(), steps.Action{Verb: steps.Restart, Process: "app"}))
	require.NoError(t, do(t, run, steps.Release, writes))
	require.Positive(t, run.LastHold().Requests)
	require.Zero(t, run.LastHold().Refused)

	require.Zero(t, stop(), "nobody noticed any of it")
	require.NoError(t, do(t, run, steps.Hold, writes))
	require.ErrorContains(t, do(t, run, steps.Hold, steps.Move{Routes: reads, For: time.Second}), "writes is held already")
	require.NoError(t, run.LetGo())
	require.ErrorContains(t, do(t, run, steps.Ramp, steps.Move{Routes: []string{"writes"}, To: 100, For: time.Second, TooFew: ramp.GoBack}), `route "writes" has no canary`)
}
