package tour

import (
	"context"
	"log/slog"
	"strings"
	"sync"
)

// notices keeps what users say when they are signed out and should not be, so that
// a step that did not hold says who and by whom. It is a slog.Handler, safe for
// concurrent use.
type notices struct {
	mu    sync.Mutex
	lines []string
}

// keepNotices bounds the memory; the first ones say what the others repeat.
const keepNotices = 5

// Enabled implements slog.Handler.
func (n *notices) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (n *notices) Handle(_ context.Context, r slog.Record) error {
	var line strings.Builder
	line.WriteString(r.Message)
	unexpected := false
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "expected" {
			unexpected = a.Value.Kind() == slog.KindBool && !a.Value.Bool()
			return true
		}
		line.WriteString(" " + a.String())
		return true
	})
	n.mu.Lock()
	defer n.mu.Unlock()
	if unexpected && len(n.lines) < keepNotices {
		n.lines = append(n.lines, r.Time.Format("15:04:05.000")+" "+line.String())
	}
	return nil
}

// WithAttrs implements slog.Handler; the users' logger adds none.
func (n *notices) WithAttrs([]slog.Attr) slog.Handler { return n }

// WithGroup implements slog.Handler; the users' logger opens none.
func (n *notices) WithGroup(string) slog.Handler { return n }

// take returns what was kept and begins anew.
func (n *notices) take() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	lines := n.lines
	n.lines = nil
	return lines
}
