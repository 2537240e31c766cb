package tour_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/steps"
	"banyan.dev/strangler/internal/tour"
	"banyan.dev/strangler/internal/traffic"
	"banyan.dev/strangler/internal/traffic/blogtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const end = `
sessions: memory
user_cache: "off"
`

// newPath writes a small repository whose two steps run in front of a blog in
// memory. As a monolith would, the blog forgets its sessions when app starts.
func newPath(t *testing.T, blog *blogtest.Blog) steps.Path {
	t.Helper()
	blog.Before(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path == "/started" {
			blog.SignEveryoneOut()
			return
		}
		next.ServeHTTP(w, r)
	})
	app, err := os.ReadFile("testdata/app/main.go")
	require.NoError(t, err)
	root := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.org/test\n\ngo 1.26\n", "app/main.go": string(app), "front/main.go": string(app),
		"migration-steps/processes.yaml": `
app: {package: ./app, environment: {SETTINGS_FILE: "${settings.file}", BLOG: "` + blog.URL + `"}}
front: {package: ./front, environment: {CONFIG_FILE: "${gateway.file}", KIND: one, BLOG: "` + blog.URL + `"}}
`,
		"migration-steps/00-a/step.yaml": "title: alone\nhurts: h\nchanges: c\nruns: {app: 1}\nentry: app" + end + `
demos:
  - name: a restart signs everyone out
    do: [{sign_in: 3}, {ask: 1}, {expect: everyone_signed_in}, {restart: app, signs_out: true}, {ask: 1}, {expect: everyone_signed_out}]
`,
		"migration-steps/01-b/gateway.yaml": "owners: {app: {address: \"http://app\"}}\nroutes: [{match: {path: \"/*\"}, owner: app}]\n",
		"migration-steps/01-b/step.yaml": "title: behind a front\nhurts: h\nchanges: c\nruns: {app: 1, front: 1}\nentry: front" + end + `
environment: {front: {KIND: two}}
forward: [{gateway: 01-b}, {environment: {front: {KIND: two}}}, {start: front, mark: started}, {entry: front}]
back: [{entry: app}, {stop: front}, {environment: {front: {KIND: one}}}]
checks: [{name: the seam, seams: {front: {kind: two}}}]
demos:
  - name: nobody notices the front
    at: started
    through: front
    do: [{sign_in: 2}, {ask: 2}, {expect: everyone_signed_in}]
`,
	} {
		file := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
	}
	t.Setenv("GOWORK", "off")
	path, err := steps.Load(root)
	require.NoError(t, err)
	return path
}

func config(t *testing.T, blog *blogtest.Blog, watch tour.Watcher) tour.Config {
	t.Helper()
	return tour.Config{
		Path: newPath(t, blog), Dir: filepath.Join(t.TempDir(), "run"), To: 1, BackTo: 0,
		Users: 5, Rate: 200, StepTime: 300 * time.Millisecond, Seed: 7, Watch: watch,
	}
}

// watcher calls what a test wants to do when a step has begun.
type watcher struct {
	mu    sync.Mutex
	begun int
	on    map[int]func()
}

func (w *watcher) Phase(string)          {}
func (w *watcher) Action(string, string) {}
func (w *watcher) Checked(tour.Check)    {}
func (w *watcher) End(*tour.Row)         {}
func (w *watcher) Begin(*tour.Row, string, func() traffic.Window) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun++
	if do := w.on[w.begun]; do != nil {
		do()
	}
}

func TestATourThatHolds(t *testing.T) {
	c := config(t, blogtest.Start(t), &watcher{})
	report, _, err := tour.Run(t.Context(), c)
	require.NoError(t, err)
	text, err := json.MarshalIndent(report, "", " ")
	require.NoError(t, err)
	require.True(t, report.OK, string(text))

	var walked []string
	for _, row := range report.Steps {
		walked = append(walked, row.Name+" "+string(row.Direction))
		require.Positive(t, row.Requests)
		require.Positive(t, row.P99)
	}
	require.Equal(t, []string{"00-a forward", "01-b forward", "01-b back", "01-b forward"}, walked)
	require.Equal(t, "a restart signs everyone out", report.Steps[0].Checks[0].Name)
	require.Equal(t, "3 people, all signed out", report.Steps[0].Checks[0].Detail)
	require.Equal(t, "nobody notices the front", report.Steps[1].Checks[0].Name)
	require.Equal(t, "the seam", report.Steps[1].Checks[1].Name)
	require.Equal(t, "1 replicas report front kind=two", report.Steps[1].Checks[1].Detail)
	require.NoDirExists(t, c.Dir, "nothing is left behind")
}

func TestWhatUsersNoticeFailsTheStep(t *testing.T) {
	blog := blogtest.Start(t)
	w := &watcher{on: map[int]func(){3: blog.SignEveryoneOut}}
	report, _, err := tour.Run(t.Context(), config(t, blog, w))
	require.NoError(t, err, "a step that did not hold is no error")
	require.False(t, report.OK)
	require.Equal(t, plan.Back, report.Steps[2].Direction)
	// Who is signed out just then by his own will has nothing to lose.
	require.Contains(t, []int{3, 4, 5}, report.Steps[2].SignedOut)
	require.Zero(t, report.Steps[1].SignedOut)
}

func TestASeamThatIsWiredOtherwiseFailsTheStep(t *testing.T) {
	c := config(t, blogtest.Start(t), &watcher{})
	c.Path.Steps[1].Checks[0].Seams = steps.Table{"front": {"kind": "three"}}
	c.Path.Steps[1].Checks = append(c.Path.Steps[1].Checks, steps.Check{Name: "of nobody", Seams: steps.Table{"nobody": {"kind": "two"}}})
	report, _, err := tour.Run(t.Context(), c)
	require.NoError(t, err)
	require.False(t, report.OK)
	details := map[string]string{}
	for _, check := range report.Steps[1].Checks {
		details[check.Name] = check.Detail
	}
	require.Equal(t, `front-0 reports kind "two", not "three"`, details["the seam"])
	require.Equal(t, "no replica of nobody runs", details["of nobody"])
}

func TestALostWriteFailsTheTour(t *testing.T) {
	blog := blogtest.Start(t)
	w := &watcher{on: map[int]func(){4: func() { require.True(t, blog.Drop()) }}}
	report, _, err := tour.Run(t.Context(), config(t, blog, w))
	require.NoError(t, err)
	require.False(t, report.OK)
	lost := 0
	for _, row := range report.Steps {
		lost += row.Lost
	}
	require.Positive(t, lost)
}

func TestCtrlCEndsEverything(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	c := config(t, blogtest.Start(t), &watcher{on: map[int]func(){2: cancel}})
	report, _, err := tour.Run(ctx, c)
	require.ErrorIs(t, err, tour.ErrInterrupted)
	require.NotErrorIs(t, err, context.Canceled, "main would take it for an orderly stop")
	require.False(t, report.OK)
	require.Equal(t, "interrupted", report.Error)
	require.Len(t, report.Steps, 1, "the step that was under way is told of neither as held nor as failed")
	for _, check := range report.Steps[0].Checks {
		require.True(t, check.OK, check.Name)
	}
	require.NoDirExists(t, c.Dir)
}

func TestAFrontThatCanNotStartEndsTheTourAndSaysWhy(t *testing.T) {
	c := config(t, blogtest.Start(t), &watcher{})
	broken := c.Path.Processes["front"]
	broken.Environment = map[string]string{"CONFIG_FILE": "${gateway.file}", "BLOG": "http://%zz"}
	c.Path.Processes["front"] = broken
	report, _, err := tour.Run(t.Context(), c)
	require.ErrorContains(t, err, "front-0 ended at its start")
	require.ErrorContains(t, err, "invalid URL escape")
	require.True(t, strings.HasPrefix(report.Error, "forward from 00-a to 01-b, action 3 of 4 (start front)"), report.Error)
	require.NotNil(t, report.Steps[1].Meanwhile, "it is the step's, whose walk did not come to its end")
	require.FileExists(t, filepath.Join(report.Logs, "front-0.log"))
}

func TestATourRefusesAFolderOfSomebodyElse(t *testing.T) {
	c := config(t, blogtest.Start(t), &watcher{})
	c.Dir = t.TempDir()
	file := filepath.Join(c.Dir, "thesis.txt")
	require.NoError(t, os.WriteFile(file, []byte("somebody's work"), 0o644))
	_, _, err := tour.Run(t.Context(), c)
	require.ErrorContains(t, err, "not empty and not a run's folder")
	require.FileExists(t, file)
}
