package telemetry

import (
	"context"
	"time"
)

// Kind says which side of a message a span is, as OpenTelemetry counts them
// (https://opentelemetry.io/docs/specs/otel/trace/api/#spankind).
type Kind int

// The kinds that hosts have.
const (
	Internal Kind = 1
	Server   Kind = 2
	Client   Kind = 3
	Producer Kind = 4
	Consumer Kind = 5
)

// Span is something a host did, as it is exported. It is a value.
type Span struct {
	// Trace is the span's own: its trace's id, and its id within that.
	Trace Trace
	// Parent is the span that asked for it; zero for the first of a trace.
	Parent     [8]byte
	Kind       Kind
	Name       string // of few different ones: a route's pattern, never a path
	Begin, End time.Time
	Attributes []Attribute
	Failed     bool
}

// Attribute is something said of a span. Value is a string, an int or a bool. Names
// follow https://opentelemetry.io/docs/specs/semconv/ where there is one.
type Attribute struct {
	Key   string
	Value any
}

// Work is a span that has begun. A nil one, where nothing is exported, takes all calls
// and does nothing. It belongs to one goroutine.
type Work struct {
	tracer *Tracer
	span   Span
}

// Begin begins a span within the trace of ctx, or a trace of its own, and returns a
// context in which that span is the caller. Without a tracer in ctx, or when the trace
// is none of those that are kept, ctx comes back as it is, with a nil Work.
func Begin(ctx context.Context, kind Kind, name string) (context.Context, *Work) {
	tracer := tracerFrom(ctx)
	if tracer == nil {
		return ctx, nil
	}
	caller, called := TraceFrom(ctx)
	own := caller.Child()
	if !called {
		own = NewTrace()
	}
	if !tracer.Keeps(own) {
		return ctx, nil
	}
	w := &Work{tracer: tracer, span: Span{Trace: own, Parent: caller.span, Kind: kind, Name: name, Begin: time.Now()}}
	return context.WithValue(WithTrace(ctx, own), begunKey{}, true), w
}

// Called names the span, when it is known only later what was done.
func (w *Work) Called(name string) {
	if w != nil {
		w.span.Name = name
	}
}

// Say adds an attribute.
func (w *Work) Say(key string, value any) {
	if w != nil {
		w.span.Attributes = append(w.span.Attributes, Attribute{key, value})
	}
}

// End ends the span and exports it. Nothing may be done with it afterwards.
func (w *Work) End(failed bool) {
	if w != nil {
		w.span.End, w.span.Failed = time.Now(), failed
		w.tracer.Record(w.span)
	}
}

type begunKey struct{}
type tracerKey struct{}

// WithTracer returns a context in which Begin exports to t, which may be nil.
func WithTracer(ctx context.Context, t *Tracer) context.Context {
	if t == nil {
		return ctx
	}
	return context.WithValue(ctx, tracerKey{}, t)
}

func tracerFrom(ctx context.Context) *Tracer {
	t, _ := ctx.Value(tracerKey{}).(*Tracer)
	return t
}

// Exports tells whether spans within ctx are exported.
func Exports(ctx context.Context) bool { return tracerFrom(ctx) != nil }

// Did exports a span of what was done, after the fact, about something that carried a
// traceparent header: an event that was applied. Without a tracer in ctx, or without a
// trace, it does nothing.
func Did(ctx context.Context, traceparent string, s Span) {
	tracer := tracerFrom(ctx)
	if tracer == nil {
		return
	}
	caller, ok := ParseTraceparent(traceparent)
	if !ok {
		return
	}
	s.Trace, s.Parent = caller.Child(), caller.span
	tracer.Record(s)
}

// Outgoing is the trace that a question asked within ctx carries: the span that was
// begun for it, or one of its own.
func Outgoing(ctx context.Context) (Trace, bool) {
	trace, ok := TraceFrom(ctx)
	if begun, _ := ctx.Value(begunKey{}).(bool); ok && !begun {
		trace = trace.Child()
	}
	return trace, ok
}
