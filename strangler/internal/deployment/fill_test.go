package deployment_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/deployment"
)

func TestADatabaseThatWasGivenIsNotFilledUnasked(t *testing.T) {
	cases := map[string]struct {
		external  deployment.External
		onlyEmpty bool
		said      string
	}{
		"our own":                {deployment.External{}, false, ""},
		"given":                  {deployment.External{Postgres: "postgres://u:secret@127.0.0.1:1/blog"}, true, "only filled if nobody has an account there"},
		"given, and --posts too": {deployment.External{Postgres: "postgres://u:secret@127.0.0.1:1/blog", Fill: true}, false, "whose password everybody can read"},
	}
	for name, c := range cases {
		path := newPath(t)
		app := path.Processes["app"]
		app.Seed = []string{"seed"}
		path.Processes["app"] = app
		var said []string
		run, err := deployment.Create(t.Context(), path, filepath.Join(t.TempDir(), "run"), deployment.Options{Owner: "up", External: c.external},
			func(s string) { said = append(said, s) })
		require.NoError(t, err)
		require.NoError(t, run.Prepare(t.Context(), 0))
		said = nil
		require.NoError(t, run.SeedBlog(t.Context(), 10, 1))
		log, err := os.ReadFile(filepath.Join(run.Dir(), "logs", "app-seed.log"))
		require.NoError(t, err)
		require.Equal(t, c.onlyEmpty, strings.Contains(string(log), "--only-empty"), name)
		require.Contains(t, strings.Join(said, "\n"), c.said, name)
		require.Equal(t, c.said == "", len(said) == 0, name)
		down(t, run)
	}
}
