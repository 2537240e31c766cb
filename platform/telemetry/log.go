package telemetry

import (
	"context"
	"fmt"
	"io"
	"log/slog"
)

// NewLogger returns a JSON logger that writes one line per event to w, names the
// host on each, and adds the trace and request ids found in the context. Level
// is debug, info, warn or error; another word is an error that names it.
// The logger is safe for concurrent use.
func NewLogger(w io.Writer, host, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("LOG_LEVEL %q is no level: use debug, info, warn or error", level)
	}
	handler := contextHandler{slog.NewJSONHandler(w, &slog.HandlerOptions{Level: l})}
	return slog.New(handler).With("host", host), nil
}

// contextHandler adds the ids of the request at hand, so that no caller has to.
type contextHandler struct{ slog.Handler }

func (h contextHandler) Handle(ctx context.Context, r slog.Record) error {
	if trace, ok := TraceFrom(ctx); ok {
		r.AddAttrs(slog.String("trace", trace.ID()))
	}
	if id := RequestIDFrom(ctx); id != "" {
		r.AddAttrs(slog.String("request", id))
	}
	return h.Handler.Handle(ctx, r)
}

func (h contextHandler) WithAttrs(a []slog.Attr) slog.Handler {
	return contextHandler{h.Handler.WithAttrs(a)}
}

func (h contextHandler) WithGroup(name string) slog.Handler {
	return contextHandler{h.Handler.WithGroup(name)}
}
