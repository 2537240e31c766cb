package deployment_test

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/steps"
)

const neighbours = `
db: {infrastructure: postgres}
app: {package: ./app, environment: {SETTINGS_FILE: "${settings.file}", PEERS: "${notes.urls}", IDENTITY_KEY: "${identity.key}", DATABASE_URL: "${postgres.url}"}}
notes: {package: ./app, environment: {PEERS: "${app.urls}", IDENTITY_KEY: "${identity.key}", DATABASE_URL: "${postgres.url:notes}"}}
`

// neighbourly is a path whose second step starts a host with a database of its own.
func neighbourly(t *testing.T) steps.Path {
	t.Helper()
	root := newPath(t).Root
	dir := filepath.Join(root, steps.Folder)
	require.NoError(t, os.RemoveAll(dir))
	for name, content := range map[string]string{
		"processes.yaml": neighbours, "00-a/step.yaml": stepYAML("app: 1", "app", "", ""),
		"01-b/step.yaml": stepYAML("app: 1, notes: 2", "app", "{start: notes}", "{stop: notes}"),
	} {
		file := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
	}
	path, err := steps.Load(root)
	require.NoError(t, err)
	return path
}

func begin(t *testing.T, path steps.Path, x deployment.External) *deployment.Run {
	t.Helper()
	run, err := deployment.Create(t.Context(), path, filepath.Join(t.TempDir(), "run"), deployment.Options{Owner: "up", External: x}, silent)
	require.NoError(t, err)
	t.Cleanup(func() { down(t, run) })
	require.NoError(t, run.CheckExternal(t.Context()))
	require.NoError(t, run.CheckDatabases(t.Context(), len(path.Steps)-1))
	require.NoError(t, run.Prepare(t.Context(), 0))
	return run
}

func seams(t *testing.T, run *deployment.Run, process string) map[string]string {
	t.Helper()
	all, err := run.Seams(t.Context(), process)
	require.NoError(t, err)
	return all[process+"-0"]
}

// TestAHostIsToldItsNeighboursBeforeTheyStart: those that will run in the step that is
// being reached, at addresses that stay.
func TestAHostIsToldItsNeighboursBeforeTheyStart(t *testing.T) {
	path := neighbourly(t)
	run := begin(t, path, deployment.External{Postgres: embeddedtest.Database(t)})
	require.NoError(t, run.BringUp(t.Context(), 1))
	app, notes := seams(t, run, "app"), seams(t, run, "notes")
	require.Len(t, strings.Split(app["peers"], ","), 2, "app was started before notes: %s", app["peers"])
	first, err := run.URL("notes")
	require.NoError(t, err)
	require.Contains(t, app["peers"], first)
	require.Equal(t, run.EntryURL(), notes["peers"])
	require.Equal(t, app["identity_key"], notes["identity_key"])
	require.GreaterOrEqual(t, len(app["identity_key"]), 32)
}

// TestADatabaseIsMadeBesideTheOneThatWasGiven, and neither host gets the other's.
func TestADatabaseIsMadeBesideTheOneThatWasGiven(t *testing.T) {
	path, given := neighbourly(t), embeddedtest.Database(t)
	run := begin(t, path, deployment.External{Postgres: given})
	require.NoError(t, run.BringUp(t.Context(), 1))
	require.Equal(t, given, seams(t, run, "app")["database_url"])
	own := seams(t, run, "notes")["database_url"]
	config, err := pgx.ParseConfig(given)
	require.NoError(t, err)
	theirs, err := pgx.ParseConfig(own)
	require.NoError(t, err)
	require.Equal(t, config.Database+"_notes", theirs.Database)
	require.Equal(t, theirs.Database, theirs.User)
	conn, err := pgx.ConnectConfig(t.Context(), theirs)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	do(t, run, steps.Action{Verb: steps.Kill, Process: "notes"})
	require.Equal(t, own, seams(t, run, "notes")["database_url"], "the same after a restart")
}

func TestADatabaseThatWasNamedIsUsed(t *testing.T) {
	path, notes := neighbourly(t), embeddedtest.Database(t)
	run := begin(t, path, deployment.External{Postgres: embeddedtest.Database(t), Databases: map[string]string{"notes": notes}})
	require.NoError(t, run.BringUp(t.Context(), 1))
	require.Equal(t, notes, seams(t, run, "notes")["database_url"])
}

// TestWhatCanNotBeMadeIsSaidBeforeAnythingStarts: the role may neither make roles nor
// databases, and the message is what an administrator has to do.
func TestWhatCanNotBeMadeIsSaidBeforeAnythingStarts(t *testing.T) {
	path, admin := neighbourly(t), embeddedtest.Database(t)
	conn, err := pgx.Connect(t.Context(), admin)
	require.NoError(t, err)
	defer conn.Close(context.Background())
	name := "weak_" + strings.ToLower(rand.Text()[:8])
	_, err = conn.Exec(t.Context(), "CREATE ROLE "+name+" LOGIN PASSWORD 'secret'")
	require.NoError(t, err)
	u, err := url.Parse(admin)
	require.NoError(t, err)
	u.User = url.UserPassword(name, "secret")
	check := func(x deployment.External, to int) error {
		run, err := deployment.Create(t.Context(), path, filepath.Join(t.TempDir(), "run"), deployment.Options{Owner: "up", External: x}, silent)
		require.NoError(t, err)
		defer down(t, run)
		return run.CheckDatabases(t.Context(), to)
	}
	require.NoError(t, check(deployment.External{Postgres: u.String()}, 0), "the first step needs none")
	err = check(deployment.External{Postgres: u.String()}, 1)
	require.ErrorContains(t, err, "--database notes=postgres://")
	require.ErrorContains(t, err, "CREATE DATABASE "+strings.TrimPrefix(u.Path, "/")+"_notes OWNER")
	require.NotContains(t, err.Error(), "secret")
	require.NoError(t, check(deployment.External{Postgres: u.String(), Databases: map[string]string{"notes": admin}}, 1))
	require.ErrorContains(t, check(deployment.External{Databases: map[string]string{"nots": admin}}, 1), "no process has a database of that name: use one of notes")
	require.ErrorContains(t, check(deployment.External{Databases: map[string]string{"notes": "postgres://u:secret@127.0.0.1:1/x"}}, 1), "--database notes: database \"x\"")
}
