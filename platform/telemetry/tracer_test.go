package telemetry_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/telemetry"
)

// receiver takes OTLP over HTTP, strictly: a field that OTLP's JSON has not is an error.
type receiver struct {
	*httptest.Server
	mu       sync.Mutex
	resource map[string]string
	spans    map[string]received // by name
	answer   int
}

type received struct {
	TraceID           string `json:"traceId"`
	SpanID            string `json:"spanId"`
	ParentSpanID      string `json:"parentSpanId"`
	Name              string `json:"name"`
	Kind              int    `json:"kind"`
	StartTimeUnixNano string `json:"startTimeUnixNano"`
	EndTimeUnixNano   string `json:"endTimeUnixNano"`
	Attributes        []said `json:"attributes"`
	Status            struct {
		Code int `json:"code"`
	} `json:"status"`
}

type said struct {
	Key   string `json:"key"`
	Value struct {
		StringValue string `json:"stringValue"`
		IntValue    string `json:"intValue"`
		BoolValue   bool   `json:"boolValue"`
	} `json:"value"`
}

func (s said) text() string {
	if s.Value.IntValue != "" {
		return s.Value.IntValue
	}
	return s.Value.StringValue
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{resource: map[string]string{}, spans: map[string]received{}, answer: http.StatusOK}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var message struct {
			ResourceSpans []struct {
				Resource struct {
					Attributes []said `json:"attributes"`
				} `json:"resource"`
				ScopeSpans []struct {
					Scope struct {
						Name string `json:"name"`
					} `json:"scope"`
					Spans []received `json:"spans"`
				} `json:"scopeSpans"`
			} `json:"resourceSpans"`
		}
		d := json.NewDecoder(q.Body)
		d.DisallowUnknownFields()
		if err := d.Decode(&message); err != nil || q.URL.Path != "/v1/traces" || q.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %s: %v", q.URL, q.Header, err)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, rs := range message.ResourceSpans {
			for _, a := range rs.Resource.Attributes {
				r.resource[a.Key] = a.text()
			}
			for _, ss := range rs.ScopeSpans {
				for _, s := range ss.Spans {
					r.spans[s.Name] = s
				}
			}
		}
		w.WriteHeader(r.answer)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) got() map[string]received {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.spans
}

func tracer(t *testing.T, endpoint string, ratio float64) *telemetry.Tracer {
	t.Helper()
	tr, err := telemetry.NewTracer(telemetry.TracerConfig{Endpoint: endpoint, Ratio: ratio, Service: "monolith", Replica: "m-1", Version: "v1"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, tr.Close(context.Background())) })
	return tr
}

func TestSpansAreExportedAsOneTrace(t *testing.T) {
	r := newReceiver(t)
	tr := tracer(t, r.URL+"/", 1)
	caller := telemetry.NewTrace()
	ctx := telemetry.WithTrace(telemetry.WithTracer(t.Context(), tr), caller)
	ctx, served := telemetry.Begin(ctx, telemetry.Server, "GET")
	asking, asked := telemetry.Begin(ctx, telemetry.Client, "GET comments")
	carried, ok := telemetry.Outgoing(asking)
	require.True(t, ok)
	asked.Say("http.response.status_code", 503)
	asked.End(true)
	telemetry.Did(ctx, carried.String(), telemetry.Span{Kind: telemetry.Consumer, Name: "apply", Begin: time.Now(), End: time.Now()})
	served.Called("GET /posts/:id")
	served.Say("http.route", "/posts/:id")
	served.End(false)
	require.NoError(t, tr.Close(t.Context()), "what waits is sent")

	got := r.got()
	require.Len(t, got, 3)
	require.Equal(t, map[string]string{"service.name": "monolith", "service.instance.id": "m-1", "service.version": "v1"}, r.resource)
	server, client, consumer := got["GET /posts/:id"], got["GET comments"], got["apply"]
	for _, s := range got {
		require.Equal(t, caller.ID(), s.TraceID)
		require.Len(t, s.SpanID, 16)
		begin, err := strconv.ParseInt(s.StartTimeUnixNano, 10, 64)
		require.NoError(t, err)
		end, err := strconv.ParseInt(s.EndTimeUnixNano, 10, 64)
		require.NoError(t, err)
		require.WithinDuration(t, time.Now(), time.Unix(0, begin), time.Minute)
		require.GreaterOrEqual(t, end, begin)
	}
	require.Equal(t, caller.String()[36:52], server.ParentSpanID)
	require.Equal(t, server.SpanID, client.ParentSpanID)
	require.Equal(t, carried.String()[36:52], client.SpanID, "what is sent on is the span that is exported")
	require.Equal(t, client.SpanID, consumer.ParentSpanID)
	require.Equal(t, []int{2, 3, 5}, []int{server.Kind, client.Kind, consumer.Kind})
	require.Equal(t, []int{0, 2}, []int{server.Status.Code, client.Status.Code})
	require.Equal(t, "503", client.Attributes[0].text())
	require.Equal(t, "/posts/:id", server.Attributes[0].text())
}

func TestWithoutAnEndpointNothingIsDone(t *testing.T) {
	tr, err := telemetry.NewTracer(telemetry.TracerConfig{Ratio: 1})
	require.NoError(t, err)
	require.Nil(t, tr)
	ctx := telemetry.WithTrace(telemetry.WithTracer(t.Context(), tr), telemetry.NewTrace())
	require.False(t, telemetry.Exports(ctx))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		same, span := telemetry.Begin(ctx, telemetry.Server, "GET")
		span.Called("x")
		span.End(false)
		if same != ctx {
			t.Error("another context")
		}
	}))
	was, _ := telemetry.TraceFrom(ctx)
	sent, ok := telemetry.Outgoing(ctx)
	require.True(t, ok)
	require.Equal(t, was.ID(), sent.ID())
	require.NotEqual(t, was.String(), sent.String())
	_, ok = telemetry.Outgoing(context.Background())
	require.False(t, ok)
	require.NoError(t, tr.Close(t.Context()))
}

func TestAllHostsKeepTheSamePartOfTheTraces(t *testing.T) {
	r := newReceiver(t)
	one, other, none := tracer(t, r.URL, .25), tracer(t, r.URL, .25), tracer(t, r.URL, 0)
	kept := 0
	for range 4000 {
		trace := telemetry.NewTrace()
		require.Equal(t, one.Keeps(trace), other.Keeps(trace.Child()))
		require.False(t, none.Keeps(trace))
		if one.Keeps(trace) {
			kept++
		}
	}
	require.InDelta(t, 1000, kept, 200)
	unsampled, ok := telemetry.ParseTraceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00")
	require.True(t, ok)
	require.False(t, tracer(t, r.URL, 1).Keeps(unsampled), "who began it did not want it")
}

func TestAReceiverThatIsAwayIsInNobodysWay(t *testing.T) {
	r := newReceiver(t)
	r.answer = http.StatusServiceUnavailable
	tr := tracer(t, r.URL, 1)
	for range 10_000 { // more than wait
		_, span := telemetry.Begin(telemetry.WithTracer(t.Context(), tr), telemetry.Internal, "x")
		span.End(false)
	}
	require.NoError(t, tr.Close(t.Context()))
	require.EqualValues(t, 10_000, tr.Dropped(), "counted: what did not fit, and what was not taken")
}

func TestWhatTracesCantBeIsNamed(t *testing.T) {
	_, err := telemetry.NewTracer(telemetry.TracerConfig{Endpoint: "traces:4318", Ratio: 1})
	require.EqualError(t, err, `OTEL_EXPORTER_OTLP_ENDPOINT "traces:4318" is no address: write http://host:4318`)
	_, err = telemetry.NewTracer(telemetry.TracerConfig{Endpoint: "http://traces:4318", Ratio: 2})
	require.EqualError(t, err, `OTEL_TRACES_SAMPLER_ARG 2 is no part: write 0 to 1, such as 0.1`)
}
