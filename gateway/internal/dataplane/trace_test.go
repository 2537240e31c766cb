package dataplane_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/current/currenttest"
	"banyan.dev/gateway/internal/dataplane"
	"banyan.dev/platform/telemetry"
)

// TestTheGatewaysSpanIsWhatOwnersAreToldOf: one span for a request, however often it is
// sent, under the caller's and above the owners'.
func TestTheGatewaysSpanIsWhatOwnersAreToldOf(t *testing.T) {
	got := make(chan map[string]any, 8)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var message struct {
			ResourceSpans []struct {
				ScopeSpans []struct{ Spans []map[string]any }
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
			t.Error(err)
		}
		for _, span := range message.ResourceSpans[0].ScopeSpans[0].Spans {
			got <- span
		}
	}))
	defer receiver.Close()
	tracer, err := telemetry.NewTracer(telemetry.TracerConfig{Endpoint: receiver.URL, Ratio: 1, Service: "gateway"})
	require.NoError(t, err)

	told := make(chan string, 8)
	var asked atomic.Int32
	app := func(_ http.ResponseWriter, r *http.Request) {
		told <- r.Header.Get("Traceparent")
		if asked.Add(1) == 1 {
			panic(http.ErrAbortHandler)
		}
	}
	now := currenttest.New(t)
	require.NoError(t, now.Apply("file", "gateway.yaml", []byte(oneOwner("retries: {budget: 100, min_per_second: 10, attempts: 2}", owner(t, app).URL, owner(t, app).URL)), current.Any))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := dataplane.New(ln, now.Current, now.Lasting.Metrics, now.Logger, dataplane.DefaultLimits())
	server.Trace(tracer)
	served := make(chan error, 1)
	go func() { served <- server.Serve() }()

	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	q, err := http.NewRequest("GET", "http://"+ln.Addr().String()+"/private/path", nil)
	require.NoError(t, err)
	const caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	q.Header.Set("Traceparent", caller)
	answer, err := client.Do(q)
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, answer.Body)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, 200, answer.StatusCode)
	first, second := <-told, <-told
	require.Equal(t, first, second, "both attempts are of one span")

	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	client.CloseIdleConnections()
	require.NoError(t, server.Drain(ctx))
	require.NoError(t, <-served)
	now.Close(t)
	require.NoError(t, tracer.Close(t.Context()))
	span := <-got
	require.Empty(t, got)
	require.Equal(t, caller[3:35], span["traceId"])
	require.Equal(t, caller[36:52], span["parentSpanId"])
	require.Equal(t, first[36:52], span["spanId"])
	require.False(t, strings.Contains(span["name"].(string), "private"))
}
