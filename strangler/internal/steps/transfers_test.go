package steps_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/steps"
)

const owning = `
db: {infrastructure: postgres}
app: {package: ./app, environment: {DATABASE_URL: "${postgres.url}", NOTES: "${notes.urls}"}, resources: {notes: owner}}
notes: {package: ./notes, discard: [discard], environment: {DATABASE_URL: "${postgres.url:notes}", APP: "${app.urls}"}, resources: {notes: follower}}
`

const dark = `title: t
hurts: h
changes: c
runs: {db: 1, app: 1, notes: 2}
entry: app
sessions: memory
user_cache: "off"
forward: [{start: notes}, {await: {app: {events: outbox}}}, {catch_up: [notes, app]}, {backfill: {resource: notes, rate: 500}}, {reconcile: {resource: notes, times: 2}}]
back: [{stop: notes}, {discard: notes}]
`

const owned = `title: t
hurts: h
changes: c
runs: {db: 1, app: 1, notes: 2}
entry: app
sessions: memory
user_cache: "off"
owners: {notes: notes}
forward: [{handover: {resource: notes, to: notes, holds: [pages]}}]
back: [{handover: {resource: notes, to: app}}]
checks: [{name: c, owners: {notes: notes}}, {name: d, reconcile: notes}]
demos: [{name: e, do: [{kill: db}, {fault: {process: notes, for: app, delay: 1s}}, {read: 5}, {expect: pages_without_comments}, {measure: handover}]}]
`

const ownedRoutes = `owners: {app: {address: x}}
routes: [{name: pages, match: {path: "/*"}, owner: app}]
`

func loadOwning(t *testing.T, processes, dark, owned string) (steps.Path, error) {
	t.Helper()
	return steps.Load(repository(t, map[string]string{"processes.yaml": processes, "00-a/step.yaml": first,
		"01-b/step.yaml": dark, "02-c/step.yaml": owned, "02-c/gateway.yaml": ownedRoutes}))
}

func TestDataAndOwnershipAreMovedByActions(t *testing.T) {
	path, err := loadOwning(t, owning, dark, owned)
	require.NoError(t, err)
	require.Equal(t, []string{"notes"}, path.Resources())
	sides, err := path.Sides("notes")
	require.NoError(t, err)
	require.Equal(t, [2]string{"app", "notes"}, sides, "who owns at first comes first")
	require.Equal(t, []string{"notes"}, path.Databases())
	step, ok := path.FirstWith("notes")
	require.True(t, ok)
	require.Equal(t, 1, step)
	var lines []string
	for _, a := range append(append(path.Steps[1].Forward, path.Steps[1].Back...), path.Steps[2].Forward...) {
		lines = append(lines, a.String())
	}
	require.Equal(t, []string{"start notes", "wait until every replica reports app events=outbox",
		"wait until notes and app have sent and applied what was told", "backfill notes, up to 500 rows a second",
		"reconcile notes, 2 times", "stop notes", "discard the data of notes", "hand notes over to notes, holding pages too"}, lines)
	demo := path.Steps[2].Demos[0].Do
	require.Equal(t, "kill each replica of db in turn", demo[0].Action.String())
	require.Equal(t, &steps.Fault{Process: "notes", For: "app", Delay: time.Second}, demo[1].Fault)
	require.Equal(t, 5, demo[2].Read)

	for _, a := range append(path.Steps[1].Forward, path.Steps[2].Forward...) {
		line, err := json.Marshal(a) // as the journal keeps it
		require.NoError(t, err)
		var read steps.Action
		require.NoError(t, json.Unmarshal(line, &read))
		require.Equal(t, a, read)
	}
}

func TestAWrongTransferIsOneClearMessage(t *testing.T) {
	type change struct{ in, old, new string }
	cases := map[string]struct {
		change change
		want   []string
	}{
		"unknown resource":      {change{dark, "{resource: notes, rate: 500}", "{resource: posts}"}, []string{"01-b/step.yaml:8:", `no resource "posts"`, "use one of notes"}},
		"no resource":           {change{dark, "{resource: notes, rate: 500}", "{rate: 5}"}, []string{"backfill needs a resource"}},
		"reconcile nothing":     {change{dark, "{resource: notes, times: 2}", "{times: 2}"}, []string{"reconcile needs a resource"}},
		"too often":             {change{dark, "times: 2", "times: 99"}, []string{`times is "99"`, "1 to 10"}},
		"await nothing":         {change{dark, "{app: {events: outbox}}", "{}"}, []string{"await is empty"}},
		"nobody to catch up":    {change{dark, "[notes, app]", "[]"}, []string{"catch_up is empty"}},
		"a server catches up":   {change{dark, "[notes, app]", "[notes, db]"}, []string{"infrastructure"}},
		"catches up twice":      {change{dark, "[notes, app]", "[notes, notes]"}, []string{`catch_up names "notes" twice`}},
		"nothing to discard":    {change{dark, "discard: notes", "discard: app"}, []string{"no discard command"}},
		"handover to nobody":    {change{owned, "{resource: notes, to: app}", "{resource: notes}"}, []string{"handover needs a resource and to"}},
		"handover elsewhere":    {change{owned, "to: app", "to: db"}, []string{"infrastructure"}},
		"routes unknown":        {change{owned, "holds: [pages]", "holds: [page]"}, []string{"02-c/step.yaml", `no gateway.yaml has a route "page"`}},
		"no way back":           {change{owned, "back: [{handover: {resource: notes, to: app}}]", "back: [{restart: app}]"}, []string{"back does not lead", "owners are map[notes:notes], not map[notes:app]"}},
		"owner by itself":       {change{owned, "owners: {notes: notes}\n", ""}, []string{"forward does not lead", "owners are map[notes:notes]"}},
		"owners of nothing":     {change{owned, "owners: {notes: notes}\n", "owners: {}\n"}, []string{"owners is empty"}},
		"two owners":            {change{owning, "notes: follower", "notes: owner"}, []string{"processes.yaml", `"notes" has the owners [app, notes]`}},
		"no kind of ownership":  {change{owning, "notes: follower", "notes: master"}, []string{`resources.notes is "master"`}},
		"addresses of nobody":   {change{owning, "${app.urls}", "${apps.urls}"}, []string{"processes.yaml:4:", `no host "apps"`}},
		"addresses of a server": {change{owning, "${app.urls}", "${db.urls}"}, []string{`no host "db"`}},
		"name of a database":    {change{owning, "postgres.url:notes", "postgres.url:No tes"}, []string{"processes.yaml:4:", "a small letter"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, c.change.in, c.change.old)
			texts := []string{owning, dark, owned}
			for i, text := range texts {
				if text == c.change.in {
					texts[i] = strings.Replace(text, c.change.old, c.change.new, 1)
				}
			}
			_, err := loadOwning(t, texts[0], texts[1], texts[2])
			require.Error(t, err)
			for _, want := range c.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}
