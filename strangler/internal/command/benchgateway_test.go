package command

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestBenchGatewayShowsItsConfigurations(t *testing.T) {
	out, _, err := execute(t, "bench", "gateway", "--show-configs")
	require.NoError(t, err)
	require.Contains(t, out, "keepalive_requests 1000000000;")
	require.Contains(t, out, "percent: 0, by: user")
}

func TestBenchGatewayTeachesWhatIsMeasured(t *testing.T) {
	out, _, err := execute(t, "bench", "gateway", "--help")
	require.NoError(t, err)
	require.Contains(t, out, "What lasts are ratios")
	for _, flag := range []string{"--only", "--rounds", "--duration", "--connections", "--body", "--idle", "--reloads", "--stream", "--json", "--show-configs"} {
		require.Contains(t, out, flag)
	}
	out, _, err = execute(t, "bench", "--help")
	require.NoError(t, err)
	require.NotContains(t, out, "internal-process", "it is no command for people")
}

func TestBenchGatewayRefusesWhatItDoesNotKnow(t *testing.T) {
	_, _, err := execute(t, "bench", "gateway", "--only", "squid")
	require.ErrorContains(t, err, `--only names "squid": known are nginx, haproxy, caddy, reverseproxy, reverseproxy-untuned, gateway`)
	_, _, err = execute(t, "bench", "internal-process", "{}")
	require.ErrorContains(t, err, "is no part of the benchmark")
}
