package steps_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/steps"
)

func TestThePathOfThisRepositoryIsWellFormed(t *testing.T) {
	root, err := steps.Find(".")
	require.NoError(t, err)
	path, err := steps.Load(root)
	require.NoError(t, err)
	require.NotEmpty(t, path.Steps)
	for _, s := range path.Steps {
		for _, a := range append(s.Forward, s.Back...) {
			require.NotEmpty(t, a.Because, "%s: action %q says why", s.Name, a)
		}
	}
}

const processes = `
db: {infrastructure: postgres}
app: {package: ./app, environment: {DATABASE_URL: "${postgres.url}"}}
`

const first = `title: t
hurts: h
changes: c
runs: {db: 1, app: 1}
entry: app
sessions: memory
user_cache: "off"
`

const second = `title: t
hurts: h
changes: c
runs: {db: 1, app: 2}
entry: app
sessions: memory
user_cache: "off"
forward: [{scale: {app: 2}}]
back: [{scale: {app: 1}}]
`

// repository writes a root with the given files below migration-steps.
func repository(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "go.work"), nil, 0o644))
	for name, content := range files {
		path := filepath.Join(root, steps.Folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
	return root
}

func TestAGoodPathLoads(t *testing.T) {
	root := repository(t, map[string]string{"processes.yaml": processes, "00-a/step.yaml": first, "01-b/step.yaml": second})
	inside := filepath.Join(root, steps.Folder, "00-a")
	found, err := steps.Find(inside)
	require.NoError(t, err)
	require.Equal(t, root, found)
	path, err := steps.Load(root)
	require.NoError(t, err)
	require.Equal(t, []string{"00-a", "01-b"}, path.Names())
	i, err := path.Index("01")
	require.NoError(t, err)
	require.Equal(t, 2, path.Steps[i].Replicas("app"))
	_, err = path.Index("0")
	require.ErrorContains(t, err, "both 00-a and 01-b")
	_, err = path.Index("09")
	require.ErrorContains(t, err, `there is no step "09": take one of 00-a, 01-b`)
}

// Each case is a mistake and what the one message must name: file, line, field or
// value, and the mend.
func TestAMistakeIsOneClearMessage(t *testing.T) {
	change := func(text, old, new string) string {
		require.Contains(t, text, old)
		return strings.Replace(text, old, new, 1)
	}
	cases := map[string]struct {
		processes, first, second string
		want                     []string
	}{
		"unknown field":      {second: second + "color: red\n", want: []string{"01-b/step.yaml:10:", `"color"`, "use one of back, changes"}},
		"not YAML":           {second: "title: [", want: []string{"01-b/step.yaml", "line 1"}},
		"empty":              {second: "# nothing\n", want: []string{"01-b/step.yaml:1: the file is empty"}},
		"missing field":      {second: change(second, "title: t\n", ""), want: []string{"01-b/step.yaml:1:", `"title" is missing`}},
		"twice":              {second: "title: t\n" + second, want: []string{"01-b/step.yaml", "title"}},
		"unknown process":    {second: change(second, "{scale: {app: 2}}", "{start: redis}"), want: []string{"step.yaml:8:", `no process "redis"`, "use one of app, db"}},
		"no number":          {second: change(second, "runs: {db: 1, app: 2}", "runs: {db: 1, app: two}"), want: []string{"step.yaml:4:", `runs.app is "two"`, "1 to 20"}},
		"too many":           {second: change(second, "runs: {db: 1, app: 2}", "runs: {db: 1, app: 99}"), want: []string{`runs.app is "99"`}},
		"unknown mode":       {second: change(second, "sessions: memory", "sessions: disk"), want: []string{"step.yaml:6:", `sessions is "disk"`, "use memory, redis"}},
		"two verbs":          {second: change(second, "{scale: {app: 2}}", "{scale: {app: 2}, stop: app}"), want: []string{"step.yaml:8:", "does 2 things"}},
		"no verb":            {second: change(second, "{scale: {app: 2}}", "{because: x}"), want: []string{"does 0 things"}},
		"wrong end":          {second: change(second, "{scale: {app: 2}}", "{scale: {app: 3}}"), want: []string{"01-b/step.yaml", "forward does not lead", "app:3"}},
		"wrong way back":     {second: change(second, "back: [{scale: {app: 1}}]", "back: [{stop: app}]"), want: []string{"back does not lead", "00-a"}},
		"no way back":        {second: change(second, "back: [{scale: {app: 1}}]", "back: []"), want: []string{"forward or back is empty"}},
		"first has a way":    {first: first + "forward: [{scale: {app: 1}}]\n", want: []string{"00-a/step.yaml", "nothing lies before it"}},
		"no such routes":     {second: change(second, "{scale: {app: 2}}", "{gateway: 01-b}"), want: []string{"01-b/gateway.yaml"}},
		"entry not running":  {second: change(second, "runs: {db: 1, app: 2}", "runs: {db: 1}"), want: []string{`entry is "app"`, "add it to runs"}},
		"entry no host":      {second: change(second, "entry: app", "entry: db"), want: []string{"step.yaml:5:", "infrastructure"}},
		"demo without mark":  {second: second + "demos: [{name: d, at: nowhere, do: [{ask: 1}]}]\n", want: []string{`"nowhere"`, "no action has that mark"}},
		"half a pair":        {second: second + "checks: [{name: c, same: {direct: app}}]\n", want: []string{"step.yaml:10:", "same names not two hosts"}},
		"unknown victim":     {second: second + "demos: [{name: d, do: [{kill: db-1}]}]\n", want: []string{"step.yaml:10:", `kill is "db-1"`}},
		"ramp without a to":  {second: second + "demos: [{name: d, do: [{ramp: {route: all}}]}]\n", want: []string{"step.yaml:10:", "ramp needs a route, to and hold"}},
		"falling shares":     {second: second + "demos: [{name: d, do: [{ramp: {route: all, to: 100, steps: [25, 1], hold: 1s}}]}]\n", want: []string{"step.yaml:10:", "don't rise"}},
		"no share":           {second: second + "demos: [{name: d, do: [{ramp: {route: all, to: 101, hold: 1s}}]}]\n", want: []string{`"101" is no share`}},
		"no such choice":     {second: second + "demos: [{name: d, do: [{ramp: {route: all, to: 1, hold: 1s, too_few: no}}]}]\n", want: []string{`too_few is "no"`, "back, stay, on"}},
		"no such route":      {second: second + "demos: [{name: d, do: [{shadow: {route: all, answers: 3, within: 1s}}]}]\n", want: []string{"01-b/step.yaml", `no gateway.yaml has a route "all"`}},
		"hold for too long":  {second: second + "demos: [{name: d, do: [{hold: {routes: [all], for: 5m}}]}]\n", want: []string{"hold needs routes and for, up to 1m"}},
		"fault of nothing":   {second: second + "demos: [{name: d, do: [{fault: {process: app}}]}]\n", want: []string{"fault needs a process and a delay"}},
		"unknown value":      {processes: change(processes, "postgres.url", "postgres.link"), want: []string{"processes.yaml:3:", "${postgres.link}", "use one of"}},
		"process of nothing": {processes: processes + "x: {}\n", want: []string{"processes.yaml:4:", `process "x"`, "either infrastructure or package"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			or := func(text, other string) string {
				if text == "" {
					return other
				}
				return text
			}
			root := repository(t, map[string]string{"processes.yaml": or(c.processes, processes),
				"00-a/step.yaml": or(c.first, first), "01-b/step.yaml": or(c.second, second)})
			_, err := steps.Load(root)
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

const routes = `owners: {app: {address: "http://app"}}
routes: [{name: reads, match: {path: "/*", methods: [GET]}, owner: app}, {match: {path: "/*"}, owner: app}]
`

func TestMovesAreOfRoutesThatThereAre(t *testing.T) {
	load := func(do string) (steps.Path, error) {
		return steps.Load(repository(t, map[string]string{"processes.yaml": processes, "00-a/step.yaml": first,
			"01-b/step.yaml": second + "demos: [{name: d, do: [" + do + "]}]\n", "01-b/gateway.yaml": routes,
			"01-b/gateway.next.yaml": "owners: {app: {address: x}}\nroutes: [{name: canaried, match: {path: /}, owner: app}]\n"}))
	}
	path, err := load(`{gateway: 01-b/next}, {ramp: {route: canaried, to: 100, steps: [0.01, 2.5], hold: 2s, too_few: on}},
		{ramp: {route: canaried, to: 0}}, {shadow: {route: reads, answers: 5, within: 3s}}, {hold: {routes: [reads, "/*"], for: 5s}}, {release: [reads, "/*"]}`)
	require.NoError(t, err)
	var lines []string
	for _, act := range path.Steps[1].Demos[0].Do {
		lines = append(lines, act.Action.String())
	}
	require.Equal(t, []string{"give the gateway the routes of 01-b/next", "ramp canaried by 0.01 %, 2.5 %, 100 %, each watched for 2s",
		"ramp canaried to 0 %", "compare 5 answers of reads in the shadow", "hold reads, /*", "release reads, /*"}, lines)
	content, err := path.Routes("01-b/next")
	require.NoError(t, err)
	require.Contains(t, string(content), "canaried")

	for do, want := range map[string]string{
		"{gateway: 01-b/other}":            "there is no migration-steps/01-b/gateway.other.yaml",
		"{hold: {routes: reads, for: 1s}}": "reads is held and never released",
		"{release: reads}":                 "that is not what is held",
		"{hold: {routes: [reads], for: 1s}}, {hold: {routes: [reads], for: 1s}}": "reads is held already",
		"{ramp: {route: other, to: 0}}":                                          `no gateway.yaml has a route "other": there are /*, canaried, reads`,
	} {
		_, err := load(do)
		require.ErrorContains(t, err, want, do)
	}
}

func TestActionsAreReadByHandAsAStepsAre(t *testing.T) {
	path, err := steps.Load(repository(t, map[string]string{"processes.yaml": processes, "00-a/step.yaml": first,
		"01-b/step.yaml": second, "01-b/gateway.yaml": routes}))
	require.NoError(t, err)
	actions, err := path.Actions([]string{"scale: {app: 2}", "{hold: {routes: [reads], for: 1s}}", "release: reads"})
	require.NoError(t, err)
	require.Len(t, actions, 3)
	for line, want := range map[string]string{
		"scale: {db: 2}": "infrastructure", "": "is no action", "[": "is no action", "jump: app": `unknown field "jump"`,
		"gateway: 00-a": "there is no", "hold: {routes: [reads], for: 1s}": "never released",
	} {
		_, err := path.Actions([]string{line})
		require.ErrorContains(t, err, want, line)
	}
}

func TestAFolderThatIsNoStepIsNamed(t *testing.T) {
	root := repository(t, map[string]string{"processes.yaml": processes, "00-a/step.yaml": first, "later/step.yaml": second})
	_, err := steps.Load(root)
	require.ErrorContains(t, err, "later")
	require.ErrorContains(t, err, "two digits")
}

func TestOutsideOfTheRepositoryTheMendIsNamed(t *testing.T) {
	_, err := steps.Find(t.TempDir())
	require.ErrorContains(t, err, "inside a clone")
}
