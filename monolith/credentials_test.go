package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/monolith/internal/config"
)

func TestWhoSignsInAtRedisIsTakenFromTheEnvironment(t *testing.T) {
	path := filepath.Join(t.TempDir(), "settings.yaml")
	for _, c := range []struct{ address, user, password, want string }{
		{"rediss://redis:6379/0", "", "", "rediss://redis:6379/0"},
		{"rediss://redis:6379/0", "banyan", "p:a/s@s", "rediss://banyan:p%3Aa%2Fs%40s@redis:6379/0"},
		{"rediss://redis:6379/0", "", "token", "rediss://:token@redis:6379/0"},
		{"rediss://own:word@redis:6379/0", "banyan", "token", "rediss://own:word@redis:6379/0"},
		{"", "banyan", "token", ""},
	} {
		require.NoError(t, os.WriteFile(path, []byte("revision: 1\nsession: {store: memory}\nredis: {url: \""+c.address+"\"}\n"), 0o600))
		cfg, err := config.Load([]string{"DATABASE_URL=postgres://db/blog", "SETTINGS_FILE=" + path, "REDIS_USER=" + c.user, "REDIS_PASSWORD=" + c.password})
		require.NoError(t, err)
		s, err := loadSettings(cfg)
		require.NoError(t, err)
		require.Equal(t, c.want, s.inForce().RedisURL)
	}
}
