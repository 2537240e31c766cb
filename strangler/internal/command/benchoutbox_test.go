package command

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBenchOutboxShowsItsConfigurations(t *testing.T) {
	out, _, err := execute(t, "bench", "outbox", "--show-configs")
	require.NoError(t, err)
	require.Contains(t, out, "# outbox")
	require.Contains(t, out, "watermill-lanes:")
}

func TestBenchOutboxTeachesWhatIsMeasured(t *testing.T) {
	out, _, err := execute(t, "bench", "outbox", "--help")
	require.NoError(t, err)
	require.Contains(t, out, "What lasts are ratios")
	for _, flag := range []string{"--only", "--rounds", "--rate", "--duration", "--backlog", "--applied", "--postgres-url", "--kafka", "--json", "--show-configs"} {
		require.Contains(t, out, flag)
	}
	out, _, err = execute(t, "bench", "--help")
	require.NoError(t, err)
	require.NotContains(t, out, "internal-events", "it is no command for people")
}

func TestBenchOutboxRefusesWhatItDoesNotKnow(t *testing.T) {
	_, _, err := execute(t, "bench", "outbox", "--only", "debezium")
	require.ErrorContains(t, err, `--only names "debezium": known are outbox, watermill`)
}
