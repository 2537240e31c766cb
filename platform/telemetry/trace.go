package telemetry

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
)

// Trace is a W3C trace context: which trace a request belongs to, and which span
// of it is the caller. The zero value is no trace. It is a value and safe to copy.
type Trace struct {
	trace [16]byte
	span  [8]byte
	flags byte
}

// NewTrace begins a trace, sampled.
func NewTrace() Trace {
	var t Trace
	_, _ = rand.Read(t.trace[:]) // never fails: crypto/rand ends the process instead
	_, _ = rand.Read(t.span[:])
	t.flags = 1
	return t
}

// ParseTraceparent reads a traceparent header. It is false for whatever the
// specification calls invalid (a wrong length, upper case, all zeros, version ff):
// a receiver then begins a trace of its own.
func ParseTraceparent(header string) (Trace, bool) {
	var t Trace
	if len(header) < 55 || header[2] != '-' || header[35] != '-' || header[52] != '-' {
		return Trace{}, false
	}
	version, ok := hexByte(header[0:2])
	if !ok || version == 0xff {
		return Trace{}, false
	}
	if version == 0 && len(header) != 55 || len(header) > 55 && header[55] != '-' {
		return Trace{}, false
	}
	flags, ok := hexByte(header[53:55])
	if !ok || !lowerHex(t.trace[:], header[3:35]) || !lowerHex(t.span[:], header[36:52]) {
		return Trace{}, false
	}
	if t.trace == ([16]byte{}) || t.span == ([8]byte{}) {
		return Trace{}, false
	}
	t.flags = flags
	return t, true
}

// Child is the same trace with a new span: what a host passes on.
func (t Trace) Child() Trace {
	_, _ = rand.Read(t.span[:])
	return t
}

// Span is the id of the caller's span within the trace.
func (t Trace) Span() [8]byte { return t.span }

// ID is the trace's id as 32 hexadecimal digits.
func (t Trace) ID() string { return hex.EncodeToString(t.trace[:]) }

// String is the traceparent header.
func (t Trace) String() string {
	return fmt.Sprintf("00-%x-%x-%02x", t.trace, t.span, t.flags)
}

func hexByte(s string) (byte, bool) {
	var b [1]byte
	ok := lowerHex(b[:], s)
	return b[0], ok
}

// lowerHex decodes s into dst; the specification allows lower case only.
func lowerHex(dst []byte, s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	_, err := hex.Decode(dst, []byte(s))
	return err == nil
}

type traceKey struct{}
type requestKey struct{}

// WithTrace returns a context that carries t.
func WithTrace(ctx context.Context, t Trace) context.Context {
	return context.WithValue(ctx, traceKey{}, t)
}

// TraceFrom returns the context's trace, and whether it has one.
func TraceFrom(ctx context.Context) (Trace, bool) {
	t, ok := ctx.Value(traceKey{}).(Trace)
	return t, ok
}

// WithRequestID returns a context that carries the request's id.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestKey{}, id)
}

// RequestIDFrom returns the request's id, or "" outside a request.
func RequestIDFrom(ctx context.Context) string {
	id, _ := ctx.Value(requestKey{}).(string)
	return id
}
