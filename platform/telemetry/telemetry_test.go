package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/telemetry"
)

func TestTraceparent(t *testing.T) {
	const valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	trace, ok := telemetry.ParseTraceparent(valid)
	require.True(t, ok)
	require.Equal(t, valid, trace.String())
	require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", trace.ID())
	child := trace.Child()
	require.Equal(t, trace.ID(), child.ID())
	require.NotEqual(t, trace.String(), child.String())

	for name, header := range map[string]string{
		"empty":                   "",
		"upper case":              "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
		"no trace id":             "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"no span id":              "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"forbidden version":       "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"more than version 0 has": valid + "-00",
		"not hexadecimal":         "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
	} {
		_, ok := telemetry.ParseTraceparent(header)
		require.False(t, ok, name)
	}
	later, ok := telemetry.ParseTraceparent("cc" + valid[2:] + "-what-comes-later")
	require.True(t, ok, "a later version may carry more")
	require.Equal(t, trace.ID(), later.ID())
}

func TestLoggerNamesHostTraceAndRequest(t *testing.T) {
	var out bytes.Buffer
	logger, err := telemetry.NewLogger(&out, "monolith", "info")
	require.NoError(t, err)
	trace := telemetry.NewTrace()
	ctx := telemetry.WithRequestID(telemetry.WithTrace(context.Background(), trace), "r-1")
	logger.InfoContext(ctx, "post published", "post", "p-1")
	logger.DebugContext(ctx, "not at this level")

	var line map[string]any
	require.NoError(t, json.Unmarshal(out.Bytes(), &line))
	require.Equal(t, "monolith", line["host"])
	require.Equal(t, trace.ID(), line["trace"])
	require.Equal(t, "r-1", line["request"])
}

func TestABadLevelIsNamed(t *testing.T) {
	_, err := telemetry.NewLogger(&bytes.Buffer{}, "monolith", "loud")
	require.EqualError(t, err, `LOG_LEVEL "loud" is no level: use debug, info, warn or error`)
}

func TestMetricsAreTheHostsOwn(t *testing.T) {
	answer := httptest.NewRecorder()
	telemetry.MetricsHandler(telemetry.NewRegistry()).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, answer.Code)
	require.Contains(t, answer.Body.String(), "go_goroutines")
}
