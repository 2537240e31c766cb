package config_test

import (
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/services/comments/internal/config"
)

var good = []string{
	"DATABASE_URL=postgres://comments:hunter2@db:5432/comments", "KAFKA_ADDRS=k1:9092, k2:9092", "MONOLITH_URLS=http://m1:8080,http://m2:8080",
	"IDENTITY_KEY=0123456789abcdef0123456789abcdef",
}

func load(t *testing.T, more ...string) (config.Config, error) {
	t.Helper()
	return config.Load(append(append([]string{}, good...), more...))
}

func TestDefaults(t *testing.T) {
	cfg, err := load(t)
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8082", cfg.ListenAddr)
	require.Equal(t, []string{"k1:9092", "k2:9092"}, cfg.KafkaAddrs)
	require.Equal(t, "http://127.0.0.1:8082", cfg.PublicURL)
	require.Equal(t, "comments-0", cfg.Replica)
	urls, err := cfg.Monolith()
	require.NoError(t, err)
	require.Equal(t, []string{"http://m1:8080", "http://m2:8080"}, urls)
}

func TestWhatCantBeIsNamedWithItsMend(t *testing.T) {
	for variable, want := range map[string]string{
		"DATABASE_URL=":          "DATABASE_URL is not set: write postgres://",
		"KAFKA_ADDRS=":           "KAFKA_ADDRS is not set: write host:port of at least one broker",
		"KAFKA_ADDRS=k1:9092,k2": `KAFKA_ADDRS has "k2", which is no address`,
		"MONOLITH_URLS=":         "MONOLITH_URLS is not set: write base URLs",
		"MONOLITH_URLS=m:8080":   `MONOLITH_URLS has "m:8080", which is no base URL`,
		"IDENTITY_KEY=":          "IDENTITY_KEY: there is no key",
		"IDENTITY_KEY=short":     "IDENTITY_KEY: key 1 has 5 characters",
		"PUBLIC_URL=blog":        `PUBLIC_URL "blog" is no address of a site`,
		"ADMIN_ADDR=8083":        `ADMIN_ADDR "8083": write host:port`,
	} {
		_, err := load(t, variable)
		require.ErrorContains(t, err, want, variable)
		require.NotContains(t, err.Error(), "hunter2")
		require.NotContains(t, err.Error(), "short:")
	}
	_, err := config.Load(nil)
	for _, name := range []string{"DATABASE_URL", "KAFKA_ADDRS", "MONOLITH_URLS", "IDENTITY_KEY"} {
		require.ErrorContains(t, err, name, "all of it is told at once")
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	cfg, err := load(t, "ADMIN_TOKEN=a-token-of-some-length")
	require.NoError(t, err)
	shown := fmt.Sprint(slog.AnyValue(cfg).Resolve())
	for _, secret := range []string{"hunter2", "a-token", "0123456789abcdef"} {
		require.NotContains(t, shown, secret)
	}
	require.Contains(t, shown, "m1:8080")
}
