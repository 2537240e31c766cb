package embedded_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/smtp"
	"strconv"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/embedded"
)

func TestBothKindsOfRedisAnswerAndExpire(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]embedded.RedisConfig{"whatever is there": {}, "library": {Library: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := embedded.StartRedis(t.Context(), cfg)
			require.NoError(t, err)
			defer func() { require.NoError(t, r.Stop(context.Background())) }()
			require.True(t, r.Running())
			opts, err := redis.ParseURL(r.URL())
			require.NoError(t, err)
			client := redis.NewClient(opts)
			defer client.Close()
			require.NoError(t, client.Set(t.Context(), "k", "v", time.Second).Err())
			require.Equal(t, "v", client.Get(t.Context(), "k").Val())
			require.Eventually(t, func() bool {
				return client.Exists(t.Context(), "k").Val() == 0
			}, 10*time.Second, 50*time.Millisecond, "a key must expire by itself")
		})
	}
}

func TestAnotherRedisOnThePortIsNotTakenForOurs(t *testing.T) {
	t.Parallel()
	first, err := embedded.StartRedis(t.Context(), embedded.RedisConfig{})
	require.NoError(t, err)
	defer func() { require.NoError(t, first.Stop(context.Background())) }()
	second, err := embedded.StartRedis(t.Context(), embedded.RedisConfig{Port: portOf(t, first.Addr())})
	if err == nil {
		_ = second.Stop(context.Background())
	}
	require.Error(t, err, "two tests would share their sessions")
}

func TestAMailIsCountedAndShown(t *testing.T) {
	t.Parallel()
	m, err := embedded.StartMail(t.Context(), embedded.MailConfig{})
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Stop(context.Background())) }()
	body := "Subject: hello\r\n\r\n.a line that begins with a dot\r\n"
	require.NoError(t, smtp.SendMail(m.Addr(), nil, "blog@example.org", []string{"ann@example.org"}, []byte(body)))
	require.Equal(t, 1, m.Total())

	res, err := http.Get(m.URL())
	require.NoError(t, err)
	defer res.Body.Close()
	defer http.DefaultClient.CloseIdleConnections()
	var list struct {
		Total int
		Items []embedded.Message
	}
	require.NoError(t, json.NewDecoder(res.Body).Decode(&list))
	require.Equal(t, 1, list.Total)
	require.Equal(t, "blog@example.org", list.Items[0].From)
	require.Equal(t, []string{"ann@example.org"}, list.Items[0].To)
	require.Contains(t, list.Items[0].Data, "\n.a line that begins with a dot")
}

func portOf(t *testing.T, addr string) int {
	t.Helper()
	_, port, err := net.SplitHostPort(addr)
	require.NoError(t, err)
	n, err := strconv.Atoi(port)
	require.NoError(t, err)
	return n
}
