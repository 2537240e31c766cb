package httpkit_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/telemetry"
)

func TestEachRequestIsASpanNamedByItsRoute(t *testing.T) {
	type span struct {
		Name, TraceID, SpanID, ParentSpanID string
		Kind                                int
		Status                              struct{ Code int }
	}
	got := make(chan span, 16)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var message struct {
			ResourceSpans []struct{ ScopeSpans []struct{ Spans []span } }
		}
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
			t.Error(err)
		}
		for _, s := range message.ResourceSpans[0].ScopeSpans[0].Spans {
			got <- s
		}
	}))
	defer receiver.Close()
	tracer, err := telemetry.NewTracer(telemetry.TracerConfig{Endpoint: receiver.URL, Ratio: 1, Service: "test"})
	require.NoError(t, err)

	e := httpkit.New(httpkit.Config{Logger: quiet(), Tracer: tracer})
	within := ""
	e.GET("/things/:id", func(c echo.Context) error {
		trace, _ := telemetry.TraceFrom(c.Request().Context())
		within = trace.String()
		return errors.New("no luck")
	})
	httpkit.Probes(e, func() error { return nil })
	s := server(t, e)
	const caller = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	send(t, request(t, "HEAD", s.URL+"/things/private", "", "Traceparent", caller))
	send(t, request(t, "GET", s.URL+"/readyz", ""))
	send(t, request(t, "GET", s.URL+"/livez", ""))
	send(t, request(t, "GET", s.URL+"/things/unsampled", "", "Traceparent", caller[:53]+"00"))
	send(t, request(t, "HEAD", s.URL+"/things/private", "", "Traceparent", caller))
	require.NoError(t, tracer.Close(t.Context()))
	require.Len(t, got, 2)
	<-got
	one := <-got
	require.Equal(t, "HEAD /things/:id", one.Name)
	require.Equal(t, caller[3:35], one.TraceID)
	require.Equal(t, caller[36:52], one.ParentSpanID)
	require.Equal(t, within[36:52], one.SpanID, "what the handler asks of others is under this span")
	require.Equal(t, 2, one.Kind)
	require.Equal(t, 2, one.Status.Code)
}
