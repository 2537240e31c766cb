package command

import (
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/lab"
)

func TestLabSaysWhatCanNotBeBeforeAnythingStarts(t *testing.T) {
	for want, args := range map[string][]string{
		`--only "never" is no way`: {"--only", "never"},
		"--length is 1ns":          {"--length", "1ns"},
		"--rounds is -2":           {"--rounds", "-2"},
	} {
		stdout, _, err := execute(t, append([]string{"lab", "writes"}, args...)...)
		require.ErrorContains(t, err, want)
		require.Empty(t, stdout)
	}
}

// The help names each way, so that nobody has to read code to understand the table.
func TestLabHelpTellsOfEachWay(t *testing.T) {
	stdout, _, err := execute(t, "lab", "writes", "--help")
	require.NoError(t, err)
	for _, name := range lab.Names() {
		require.Contains(t, stdout, "\n  "+name+" ")
	}
}
