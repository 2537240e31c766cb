package command

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/steps"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// execute runs a command line against a run folder that does not exist.
func execute(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	args = append(args, "--run-dir", filepath.Join(t.TempDir(), "run"))
	err = Execute(t.Context(), args, &out, &errs)
	return out.String(), errs.String(), err
}

// Each mistake is one message that names the flag, its value and the mend, and it
// comes before anything was started.
func TestABadFlagIsOneClearMessage(t *testing.T) {
	cases := []struct {
		args []string
		want []string
	}{
		{[]string{"tour", "--from", "09"}, []string{"--from", `"09"`, "00-monolith, 01-gateway"}},
		{[]string{"tour", "--to", "x"}, []string{"--to", `"x"`}},
		{[]string{"tour", "--from", "02", "--to", "01"}, []string{"--from 02-sticky-sessions lies after --to 01-gateway"}},
		{[]string{"tour", "--to", "01", "--back-to", "03"}, []string{"--back-to 03-redis-sessions does not lie between"}},
		{[]string{"tour", "--users", "0"}, []string{"--users is 0", "1 to 10000"}},
		{[]string{"tour", "--users", "many"}, []string{"--users", `"many"`}},
		{[]string{"tour", "--rate", "-1"}, []string{"--rate is -1", "as fast as possible"}},
		{[]string{"tour", "--step-time", "-3s"}, []string{"--step-time is -3s"}},
		{[]string{"tour", "--step-time", "3"}, []string{"--step-time", `"3"`}},
		{[]string{"tour", "--posts", "-1"}, []string{"--posts is -1"}},
		{[]string{"tour", "--redis-url", "127.0.0.1:6379"}, []string{"--redis-url", "redis://"}},
		{[]string{"tour", "--postgres-url", "blog"}, []string{"--postgres-url", "postgres://user:password@host:port/database"}},
		{[]string{"tour", "--kafka", "nowhere"}, []string{"--kafka", `"nowhere"`, "host:port"}},
		{[]string{"tour", "--port", "70000"}, []string{"port 70000", "--port"}},
		{[]string{"up", "--step", "77"}, []string{"--step", `"77"`}},
		{[]string{"up", "--posts", "-4"}, []string{"--posts is -4"}},
		{[]string{"up", "--posts", "100001"}, []string{"--posts is 100001", "100000"}},
		{[]string{"advance"}, []string{"nothing is up", "strangler up"}},
		{[]string{"rollback"}, []string{"nothing is up"}},
		{[]string{"status"}, []string{"nothing is up"}},
		{[]string{"verify"}, []string{"nothing is up"}},
		{[]string{"verify", "--moderator", "a@b.example"}, []string{"--moderator", "--url"}},
		{[]string{"verify", "--url", "http://127.0.0.1:1"}, []string{"--moderator is missing", "role command"}},
		{[]string{"verify", "--url", "http://127.0.0.1:1", "--moderator", "a@b.example"}, []string{"STRANGLER_MODERATOR_PASSWORD is not set", "a@b.example"}},
		{[]string{"verify", "--url", "http://127.0.0.1:1", "--through", "gateway"}, []string{"--through", "own address"}},
		{[]string{"load"}, []string{"nothing is up", "--url"}},
		{[]string{"load", "--url", "http://127.0.0.1:1", "--users", "0"}, []string{"users is 0"}},
		{[]string{"load", "--url", "http://127.0.0.1:1", "--duration", "-1s"}, []string{"--duration is -1s"}},
		{[]string{"load", "--url", "nonsense"}, []string{"--url", `"nonsense"`, "http://127.0.0.1:8080"}},
		{[]string{"load", "--url", "ftp://127.0.0.1"}, []string{"--url", `"ftp://127.0.0.1"`}},
		{[]string{"load", "--url", "http://127.0.0.1:1"}, []string{"nobody answers at http://127.0.0.1:1", "status"}},
		{[]string{"plan", "--to", "44"}, []string{"--to", `"44"`}},
		{[]string{"climb"}, []string{`"climb"`}},
		{[]string{"tour", "quickly"}, []string{`"quickly"`}},
	}
	for _, c := range cases {
		_, _, err := execute(t, c.args...)
		require.Error(t, err, "%v", c.args)
		for _, want := range c.want {
			require.ErrorContains(t, err, want, "%v", c.args)
		}
	}
}

func TestATourThatCanNotBeginIsOneDocumentToo(t *testing.T) {
	stdout, _, err := execute(t, "tour", "--json", "--users", "0")
	require.Error(t, err)
	require.JSONEq(t, `{"ok":false,"seconds":0,"steps":[],"error":"--users is 0: give a number from 1 to 10000"}`, stdout)
}

func TestDownOfNothingIsNoError(t *testing.T) {
	_, stderr, err := execute(t, "down")
	require.NoError(t, err)
	require.Contains(t, stderr, "nothing is up")
}

func TestThePlanOfThePathCanBeReadBeforeAnythingRuns(t *testing.T) {
	stdout, _, err := execute(t, "plan", "--to", "01")
	require.NoError(t, err)
	require.Contains(t, stdout, "forward from 00-monolith to 01-gateway\n  1. ")
	require.NotContains(t, stdout, "02-sticky-sessions")
}

func TestTheDoctorFindsThisMachineFit(t *testing.T) {
	stdout, _, err := execute(t, "doctor")
	require.NoError(t, err)
	for _, what := range []string{"go ", "postgresql", "redis", "ports", "folder", "disk"} {
		require.Contains(t, stdout, what)
	}
}

func TestWhereAdvanceAndRollbackLead(t *testing.T) {
	path := steps.Path{Steps: []steps.Step{{Name: "00-a"}, {Name: "01-b"}, {Name: "02-c"}}}
	journal := func(at string, walk *plan.Walk) *plan.Journal {
		j, err := plan.OpenJournal(filepath.Join(t.TempDir(), "journal"))
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, j.Close()) })
		require.NoError(t, j.Arrive(at))
		if walk != nil {
			require.NoError(t, j.Begin(*walk))
		}
		return j
	}
	onTheWay := &plan.Walk{Step: "01-b", Direction: plan.Forward, From: "00-a", To: "01-b"}
	cases := []struct {
		at        string
		walk      *plan.Walk
		to        string
		direction int
		want      int
		err       string
	}{
		{at: "00-a", direction: +1, want: 1},
		{at: "01-b", direction: -1, want: 0},
		{at: "00-a", direction: -1, err: "first step"},
		{at: "02-c", direction: +1, err: "last step"},
		{at: "00-a", to: "02", direction: +1, want: 2},
		{at: "02-c", to: "00", direction: +1, err: "lies the other way"},
		{at: "00-a", to: "09", direction: +1, err: `no step "09"`},
		{at: "00-a", walk: onTheWay, direction: +1, want: 1},
		{at: "00-a", walk: onTheWay, direction: -1, want: 0},
		{at: "00-a", walk: onTheWay, to: "02", direction: +1, want: 2},
	}
	for _, c := range cases {
		got, err := destination(path, journal(c.at, c.walk), c.to, c.direction)
		if c.err != "" {
			require.ErrorContains(t, err, c.err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, c.want, got, "%+v", c)
	}
}
