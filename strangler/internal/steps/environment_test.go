package steps_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/steps"
)

const told = `title: t
hurts: h
changes: c
runs: {db: 1, app: 1}
entry: app
sessions: memory
user_cache: "off"
`

const kinds = `
db: {infrastructure: postgres}
app: {package: ./app, environment: {KIND: one, DATABASE_URL: "${postgres.url}"}}
tool: {package: ./tool, environment: {KIND: one}}
`

func loadTold(t *testing.T, second string) (steps.Path, error) {
	t.Helper()
	return steps.Load(repository(t, map[string]string{"processes.yaml": kinds, "00-a/step.yaml": first, "01-b/step.yaml": told + second}))
}

func TestAnEnvironmentIsPartOfTheEndState(t *testing.T) {
	path, err := loadTold(t, `environment: {app: {KIND: two}, tool: {KIND: two}}
forward: [{environment: {app: {KIND: two}, tool: {KIND: two}}, mark: told}, {restart: app}]
back: [{environment: {tool: {KIND: one}, app: {KIND: one}}}, {restart: app}]
checks: [{name: c, seams: {app: {kind: two}}}]
`)
	require.NoError(t, err)
	step := path.Steps[1]
	require.Equal(t, steps.Table{"app": {"KIND": "two"}, "tool": {"KIND": "two"}}, step.Environment)
	require.Equal(t, "tell app KIND=two, tool KIND=two from the next start on", step.Forward[0].String())
	require.Equal(t, steps.Table{"app": {"kind": "two"}}, step.Checks[0].Seams)

	line, err := json.Marshal(step.Forward[0]) // as the journal keeps it
	require.NoError(t, err)
	var read steps.Action
	require.NoError(t, json.Unmarshal(line, &read))
	require.Equal(t, step.Forward[0], read)

	actions, err := path.Actions([]string{"environment: {app: {KIND: three}}"})
	require.NoError(t, err)
	require.Equal(t, "tell app KIND=three from the next start on", actions[0].String())
}

func TestAWrongEnvironmentIsOneClearMessage(t *testing.T) {
	const back = "back: [{environment: {app: {KIND: one}}}, {restart: app}]\n"
	cases := map[string][]string{
		"environment: {app: {KIN: two}}\n":                                      {"01-b/step.yaml:8:", "environment.app.KIN", "processes.yaml gives app no such variable", "use one of DATABASE_URL, KIND"},
		"environment: {app: {KIND: \"${kind}\"}}\n":                             {"${kind}", "nobody fills in"},
		"environment: {app: {KIND: }}\n":                                        {"KIND is empty: write a text"},
		"environment: {app: {KIND: two, KIND: three}}\n":                        {"environment.app", `"KIND" twice`},
		"environment: {app: {KIND: two}, app: {KIND: two}}\n":                   {`names "app" twice`},
		"environment: {app: {}}\n":                                              {"environment.app is empty: write {NAME: value}"},
		"environment: {}\n":                                                     {"environment is empty: write {monolith: {NAME: value}}"},
		"environment: {db: {KIND: two}}\n":                                      {`environment is "db", which is infrastructure`},
		"environment: {no: {KIND: two}}\n":                                      {`there is no process "no"`},
		"environment: two\n":                                                    {`environment is "two": write name: value lines`},
		"checks: [{name: c, seams: {app: two}}]\n":                              {`seams.app is "two": write name: value lines`},
		"checks: [{name: c, seams: {}}]\n":                                      {"seams is empty"},
		"demos: [{name: d, do: [{environment: {app: {KIND: two}}}]}]\n":         {"a demo changes the environment", "forward or back"},
		"environment: {app: {KIND: two}}\nforward: [{restart: app}]\n" + back:   {"01-b/step.yaml: forward does not lead", "environment is what processes.yaml says, not app KIND=two"},
		"forward: [{environment: {app: {KIND: two}}}, {restart: app}]\n" + back: {"forward does not lead", "environment is app KIND=two, not what processes.yaml says"},
		"environment: {app: {KIND: two}}\nforward: [{environment: {app: {KIND: two}}}, {restart: app}]\nback: [{restart: app}]\n": {
			"back does not lead to what step 00-a says", "environment is app KIND=two"},
		"environment: {app: {KIND: two}}\nforward: [{restart: app}, {environment: {app: {KIND: two}}}]\n" + back: {
			"environment has changed under replicas of app that run on as they are: restart them after it"},
	}
	for text, wants := range cases {
		_, err := loadTold(t, text)
		require.Error(t, err, text)
		for _, want := range wants {
			require.ErrorContains(t, err, want, text)
		}
	}
}

// TestOneTableWrittenOverAnotherChangesNeither, since a step's is shared.
func TestOneTableWrittenOverAnotherChangesNeither(t *testing.T) {
	a, b := steps.Table{"app": {"A": "1", "B": "1"}}, steps.Table{"app": {"B": "2"}, "tool": {"C": "3"}}
	both := a.With(b)
	require.Equal(t, steps.Table{"app": {"A": "1", "B": "2"}, "tool": {"C": "3"}}, both)
	both["app"]["A"], both["tool"]["C"] = "9", "9"
	require.Equal(t, steps.Table{"app": {"A": "1", "B": "1"}}, a)
	require.Equal(t, steps.Table{"app": {"B": "2"}, "tool": {"C": "3"}}, b)
	require.Equal(t, b, steps.Table(nil).With(b))
}
