package command

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestABadFlagOfARampIsOneClearMessage(t *testing.T) {
	t.Setenv("ADMIN_TOKEN", "")
	empty := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for _, c := range []struct {
		args []string
		want []string
	}{
		{[]string{}, []string{"accepts 1 arg"}},
		{[]string{"reads", "--to", "101"}, []string{"--to", `"101"`, "write a number from 0 to 100"}},
		{[]string{"reads", "--steps", "5,1"}, []string{"--steps", `"5,1"`, "rising"}},
		{[]string{"reads", "--steps", "1,0.001"}, []string{"--steps", `"0.001"`}},
		{[]string{"reads", "--back-to", "x"}, []string{"--back-to", `"x"`}},
		{[]string{"reads", "--hold", "0s"}, []string{"hold is 0s"}},
		{[]string{"reads", "--too-few", "maybe"}, []string{`too few is "maybe"`, "back, stay or on"}},
		{[]string{"reads", "--max-p99-ratio", "0.5"}, []string{"ratio is 0.5"}},
		{[]string{"reads", "--false-alarms", "0"}, []string{"false alarms are 0 % of ramps"}},
		{[]string{"reads", "--max-mismatch", "101"}, []string{"max mismatch is 101 % of answers"}},
		{[]string{"reads", "--file", "gateway.yaml"}, []string{"--file", "--gateway"}},
		{[]string{"reads", "--gateway", "localhost"}, []string{"--gateway", `"localhost"`, "http://127.0.0.1:8001"}},
		{[]string{"reads", "--gateway", "http://127.0.0.1:1"}, []string{"--file", "--token-file", "ADMIN_TOKEN"}},
		{[]string{"reads", "--gateway", "http://127.0.0.1:1", "--token-file", empty}, []string{"--token-file"}},
		{[]string{"reads", "--gateway", "http://127.0.0.1:1", "--file", "nowhere.yaml"}, []string{"read the gateway's file", "nowhere.yaml"}},
		{[]string{"reads"}, []string{"nothing is up"}},
	} {
		_, _, err := execute(t, append([]string{"ramp"}, c.args...)...)
		require.Error(t, err, c.args)
		for _, want := range c.want {
			require.ErrorContains(t, err, want, c.args)
		}
	}
}
