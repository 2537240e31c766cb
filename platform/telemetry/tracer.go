package telemetry

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// TracerConfig says where spans go.
type TracerConfig struct {
	// Endpoint is OTEL_EXPORTER_OTLP_ENDPOINT: the base address of what takes OTLP over
	// HTTP, such as http://traces:4318. Empty: nothing is exported.
	Endpoint string
	// Ratio is OTEL_TRACES_SAMPLER_ARG: the part of all traces that is kept, 0 to 1. It
	// is decided by the trace's id, so that all hosts keep the same ones.
	Ratio float64
	// Service is what this kind of host is called, Replica this one, Version its release.
	Service, Replica, Version string
	Logger                    *slog.Logger // nil: nothing is logged
}

const (
	queued      = 4096            // spans that wait; more are dropped
	batched     = 512             // spans in one message
	flushEvery  = time.Second     // how long a span waits at most
	sendWithin  = 5 * time.Second // one message
	complainFor = time.Minute     // between two log lines about a receiver that is away
)

// Tracer exports spans by OTLP/HTTP with JSON (https://opentelemetry.io/docs/specs/otlp/):
// in batches, beside the requests, and never in their way. What can't be sent, or comes
// faster than it is sent, is dropped and counted: traces are a help, not a record.
//
// A nil Tracer exports nothing and costs nothing. It is safe for concurrent use.
type Tracer struct {
	cfg    TracerConfig
	url    string
	below  uint64 // what half a trace's id must be below to be kept
	queue  chan Span
	client *http.Client

	dropped atomic.Uint64
	stop    sync.Once
	ending  chan struct{}
	ended   chan struct{}
}

// NewTracer returns the tracer, which runs until Close; nil where there is no endpoint.
// Its errors name the variable.
func NewTracer(cfg TracerConfig) (*Tracer, error) {
	if cfg.Endpoint == "" {
		return nil, nil
	}
	u, err := url.Parse(cfg.Endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("OTEL_EXPORTER_OTLP_ENDPOINT %q is no address: write http://host:4318", cfg.Endpoint)
	}
	if !(cfg.Ratio >= 0 && cfg.Ratio <= 1) {
		return nil, fmt.Errorf("OTEL_TRACES_SAMPLER_ARG %g is no part: write 0 to 1, such as 0.1", cfg.Ratio)
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.New(slog.DiscardHandler))
	t := &Tracer{
		cfg: cfg, url: strings.TrimSuffix(cfg.Endpoint, "/") + "/v1/traces", below: uint64(cfg.Ratio * math.MaxInt64),
		queue: make(chan Span, queued), client: &http.Client{Timeout: sendWithin, Transport: &http.Transport{IdleConnTimeout: time.Minute}},
		ending: make(chan struct{}), ended: make(chan struct{}),
	}
	go t.run()
	return t, nil
}

// Keeps tells whether spans of the trace are exported: it is sampled by who began it,
// and among the part that is kept.
func (t *Tracer) Keeps(trace Trace) bool {
	return t != nil && trace.flags&1 == 1 && binary.BigEndian.Uint64(trace.trace[8:])>>1 <= t.below && t.below > 0
}

// Record exports a span, soon. It never waits.
func (t *Tracer) Record(s Span) {
	if !t.Keeps(s.Trace) {
		return
	}
	select {
	case t.queue <- s:
	default:
		t.dropped.Add(1)
	}
}

// Dropped is how many spans did not get out.
func (t *Tracer) Dropped() uint64 {
	if t == nil {
		return 0
	}
	return t.dropped.Load()
}

// Close sends what waits, within ctx, and ends the tracer.
func (t *Tracer) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	t.stop.Do(func() { close(t.ending) })
	select {
	case <-t.ended:
		return nil
	case <-ctx.Done():
		return errors.New("traces that waited were not all sent in time")
	}
}

func (t *Tracer) run() {
	defer close(t.ended)
	defer t.client.CloseIdleConnections()
	tick := time.NewTicker(flushEvery)
	defer tick.Stop()
	batch, complained := make([]Span, 0, batched), time.Time{}
	flush := func() {
		if len(batch) == 0 {
			return
		}
		if err := t.send(batch); err != nil {
			t.dropped.Add(uint64(len(batch)))
			if time.Since(complained) > complainFor {
				complained = time.Now()
				t.cfg.Logger.Warn("traces are not taken", "OTEL_EXPORTER_OTLP_ENDPOINT", t.cfg.Endpoint, "dropped", t.dropped.Load(), "error", err)
			}
		}
		batch = batch[:0]
	}
	for {
		select {
		case s := <-t.queue:
			if batch = append(batch, s); len(batch) == batched {
				flush()
			}
		case <-tick.C:
			flush()
		case <-t.ending:
			for len(t.queue) > 0 {
				if batch = append(batch, <-t.queue); len(batch) == batched {
					flush()
				}
			}
			flush()
			return
		}
	}
}

func (t *Tracer) send(batch []Span) error {
	answer, err := t.client.Post(t.url, "application/json", bytes.NewReader(t.encode(batch)))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10)) // read, so that the connection is kept
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s answers %s: %s", t.url, answer.Status, text)
	}
	return nil
}
