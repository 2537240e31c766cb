package config_test

import (
	"bytes"
	"log/slog"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/monolith/internal/config"
	"banyan.dev/platform/session"
)

const database = "DATABASE_URL=postgres://blog:hunter2@db:5432/blog"

func TestDefaults(t *testing.T) {
	cfg, err := config.Load([]string{database})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1:8080", cfg.ListenAddr)
	require.Equal(t, "http://127.0.0.1:8080", cfg.PublicURL)
	require.Equal(t, session.Memory, cfg.SessionStore)
	require.Equal(t, config.Tangle, cfg.Stores)
	require.Equal(t, "monolith-0", cfg.Replica)
	require.True(t, cfg.CookieSecure)
}

func TestEverythingWrongIsToldAtOnce(t *testing.T) {
	_, err := config.Load([]string{"DB_MAX_CONNS=many", "COOKIE_SECURE=perhaps"})
	require.ErrorContains(t, err, `DB_MAX_CONNS "many"`)
	require.ErrorContains(t, err, `COOKIE_SECURE "perhaps"`)
	_, err = config.Load([]string{"PUBLIC_URL=blog", "SESSION_STORE=drawer", "STORES=drawer"})
	require.ErrorContains(t, err, "DATABASE_URL is not set")
	require.ErrorContains(t, err, `PUBLIC_URL "blog"`)
	require.ErrorContains(t, err, `SESSION_STORE "drawer"`)
	require.ErrorContains(t, err, `STORES "drawer"`)
}

func TestTheFeaturesStoresDoNotGoWithSessionsInMemory(t *testing.T) {
	for stores, refused := range map[string][]session.Mode{"tangle": nil, "features": {session.Memory}} {
		cfg, err := config.Load([]string{database, "STORES=" + stores})
		require.NoError(t, err)
		for _, mode := range []session.Mode{session.Memory, session.Dual, session.Redis, session.Back, session.Load, session.Postgres} {
			require.Equal(t, slices.Contains(refused, mode), cfg.CheckSessions(mode) != nil, "%s with sessions in %s", stores, mode)
		}
	}
}

// Of the steps: 00-03, 04, 05 and 06, 07.
var ofSteps = [][]string{
	{"STORES=tangle"},
	{"STORES=features"},
	{"STORES=features", "EVENTS=outbox", "KAFKA_ADDRS=kafka:9092"},
	{"STORES=features", "EVENTS=outbox", "KAFKA_ADDRS=kafka-0:9092, kafka-1:9092", "COMMENTS=owner", "COMMENTS_URLS=http://comments-0:8080/, http://comments-1:8080", "IDENTITY_KEY=" + key},
}

const key = "0123456789abcdef0123456789abcdef"

func TestTheStepsCombinationsAreTaken(t *testing.T) {
	for _, settings := range ofSteps {
		cfg, err := config.Load(append([]string{database}, settings...))
		require.NoError(t, err, settings)
		if cfg.Comments == config.Owner {
			require.Equal(t, []string{"kafka-0:9092", "kafka-1:9092"}, cfg.KafkaAddrs)
			require.Equal(t, []string{"http://comments-0:8080", "http://comments-1:8080"}, cfg.CommentsURLs)
		}
	}
	cfg, err := config.Load([]string{database, "KAFKA_ADDRS=kafka:9092", "COMMENTS_URLS=http://comments:8080", "IDENTITY_KEY=" + key})
	require.NoError(t, err, "what a later step needs may be there from the first on")
	require.Equal(t, config.Off, cfg.Events)
	require.Equal(t, config.Local, cfg.Comments)
}

func TestCombinationsThatNoStepNamesAreRefused(t *testing.T) {
	last := ofSteps[len(ofSteps)-1]
	for _, c := range []struct {
		with []string
		says []string
	}{
		{[]string{"STORES=tangle", "EVENTS=outbox", "KAFKA_ADDRS=kafka:9092"}, []string{"EVENTS=outbox with STORES=tangle", "STORES=features"}},
		{[]string{"STORES=features", "EVENTS=outbox"}, []string{"EVENTS=outbox needs KAFKA_ADDRS", "host:port"}},
		{append(last, "EVENTS=off"), []string{"COMMENTS=owner with EVENTS=off", "EVENTS=outbox"}},
		{append(last, "STORES=tangle"), []string{"STORES=tangle"}},
		{append(last, "COMMENTS_URLS="), []string{"COMMENTS=owner needs COMMENTS_URLS"}},
		{append(last, "IDENTITY_KEY="), []string{"COMMENTS=owner needs IDENTITY_KEY", "openssl"}},
		{[]string{"STORES=features", "COMMENTS=owner"}, []string{"EVENTS=outbox", "COMMENTS_URLS", "IDENTITY_KEY"}},
		{[]string{"EVENTS=kafka"}, []string{`EVENTS "kafka" is unknown`, "off or outbox"}},
		{[]string{"COMMENTS=remote"}, []string{`COMMENTS "remote" is unknown`, "local or owner"}},
		{[]string{"KAFKA_ADDRS=kafka"}, []string{`KAFKA_ADDRS "kafka"`, "host:port"}},
		{[]string{"COMMENTS_URLS=comments:8080"}, []string{`COMMENTS_URLS "comments:8080"`, "http://comments:8080"}},
		{[]string{"COMMENTS_URLS=http://comments:8080/api"}, []string{"COMMENTS_URLS"}},
		{[]string{"IDENTITY_KEY=short"}, []string{"IDENTITY_KEY", "openssl"}},
	} {
		_, err := config.Load(append([]string{database}, c.with...))
		for _, says := range c.says {
			require.ErrorContains(t, err, says, c.with)
		}
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestWhatIsPrintedHasNoSecret(t *testing.T) {
	cfg, err := config.Load([]string{database, "ADMIN_TOKEN=hunter2-hunter2-hunter2", "IDENTITY_KEY=hunter2-hunter2-hunter2-hunter2-hunter2"})
	require.NoError(t, err)
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("start", "config", cfg)
	require.Contains(t, out.String(), "db:5432")
	require.NotContains(t, out.String(), "hunter2")
}

func TestTheDefaultsOfDevelopmentStayThere(t *testing.T) {
	given := []string{
		"DATABASE_URL=postgres://banyan:development-only@postgres:5432/banyan", "ADMIN_ADDR=0.0.0.0:8081", "ADMIN_TOKEN=development-only",
		"IDENTITY_KEY=development-only-development-only",
	}
	cfg, err := config.Load(given)
	require.NoError(t, err, "a Job that migrates has the same Secret, and no cookies")
	for _, name := range []string{"ADMIN_TOKEN", "IDENTITY_KEY", "the password in DATABASE_URL"} {
		require.ErrorContains(t, cfg.MayServe(), name+" is the default of development, and COOKIE_SECURE is true")
	}
	cfg, err = config.Load(append(given, "COOKIE_SECURE=false"))
	require.NoError(t, err)
	require.NoError(t, cfg.MayServe())
}
