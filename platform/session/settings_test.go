package session_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/session"
)

func TestSettingsAreRead(t *testing.T) {
	got, err := session.ParseSettings([]byte(`
revision: 7
redis: {url: "redis://127.0.0.1:6379/0"}
session:
  store: dual
  generation: 3
  peers: ["http://127.0.0.1:9101", "http://127.0.0.1:9102/"]
user_cache: "redis"
`))
	require.NoError(t, err)
	require.Equal(t, session.Settings{
		Revision: 7, Mode: session.Dual, Generation: 3, RedisURL: "redis://127.0.0.1:6379/0",
		Peers: []string{"http://127.0.0.1:9101", "http://127.0.0.1:9102"}, UserCache: true,
	}, got)

	got, err = session.ParseSettings([]byte("revision: 1"))
	require.NoError(t, err)
	require.Empty(t, got.Mode, "the host puts its default")
	require.Equal(t, 1, got.Generation)
}

func TestBadSettingsNameLineFieldValueAndMend(t *testing.T) {
	for name, c := range map[string]struct{ content, want string }{
		"unknown store":      {"session:\n  store: disk", `line 2: session.store "disk" is no store: use memory, dual, redis, back, load or postgres`},
		"unknown field":      {"revision: 1\nsesion: {}", `line 2: unknown field "sesion": use one of redis, revision, session, user_cache`},
		"twice":              {"revision: 1\nrevision: 2", `line 2: field "revision" stands twice: remove one`},
		"redis is missing":   {"session:\n  store: redis", `line 2: session.store "redis" needs redis.url, which is missing: add redis: {url: "redis://host:6379/0"}`},
		"no redis address":   {"redis: {url: \"http://me:secret@host\"}", `line 1: redis.url is no Redis address: write redis://[user:password@]host:port/database`},
		"generation 0":       {"session: {generation: 0}", `line 1: session.generation "0" is no number it can have: use a whole number from 1 up`},
		"revision no number": {"revision: x", `line 1: revision "x" is no number it can have: use a whole number from 0 up`},
		"peer without host":  {"session:\n  peers:\n  - 127.0.0.1:1", `line 3: session.peers: "127.0.0.1:1" is no base URL of an admin port: write http://host:port`},
		"unknown cache":      {"user_cache: disk", `line 1: user_cache "disk" is unknown: use "off" or "redis"`},
		"cache, memory":      {"redis: {url: \"redis://h/0\"}\nsession: {store: memory}\nuser_cache: redis", `line 2: user_cache "redis" does not go with session.store "memory", where a changed record is told to nobody: use "off", or turn it on once session.store is redis`},
		"cache, postgres":    {"redis: {url: \"redis://h/0\"}\nuser_cache: redis\nsession: {store: postgres}", `line 3: user_cache "redis" does not go with session.store "postgres", where a changed record is told to nobody: use "off", or turn it on once session.store is redis`},
		"cache, no store":    {"redis: {url: \"redis://h/0\"}\nuser_cache: redis", `line 1: user_cache "redis" does not go with session.store "", where a changed record is told to nobody: use "off", or turn it on once session.store is redis`},
		"no mapping":         {"- 1", `line 1: settings is not a mapping: write fields below it`},
		"empty":              {"", `settings are empty: write at least revision and session.store`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := session.ParseSettings([]byte(c.content))
			require.EqualError(t, err, c.want)
		})
	}
}

func FuzzParseSettings(f *testing.F) {
	f.Add("revision: 1\nredis: {url: \"redis://h/0\"}\nsession: {store: dual, peers: [\"http://a:1\"]}\nuser_cache: off")
	f.Fuzz(func(t *testing.T, content string) {
		s, err := session.ParseSettings([]byte(content))
		if err == nil && (s.Generation < 1 || s.Mode.UsesRedis() && s.RedisURL == "" || s.UserCache && !s.Mode.UsesRedis()) {
			t.Errorf("got through: %+v", s)
		}
	})
}
