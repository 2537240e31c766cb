package boundary

import (
	"context"
	"log/slog"
	"regexp"
	"runtime"
	"strings"
	"sync"
)

// Statement is one text of SQL that was run, however often, with whatever values.
type Statement struct {
	SQL  string // with $1 for values
	From string // the first function that ran it, such as banyan.dev/features/posts/store.get
}

// Package is where the function is.
func (s Statement) Package() string {
	path, name := s.From[:strings.LastIndexByte(s.From, '/')+1], s.From[strings.LastIndexByte(s.From, '/')+1:]
	name, _, _ = strings.Cut(name, ".")
	return path + name
}

// Recorder collects what databases run that log to it: platform/database tells of each
// statement at level debug, on the stack of who asked for it. The zero value is
// ready. It is safe for concurrent use.
type Recorder struct {
	mu    sync.Mutex
	order []Statement
	known map[string]bool
	runs  int
}

// Logger is what a database is opened with. What it is told goes on to next, which
// may be nil.
func (r *Recorder) Logger(next slog.Handler) *slog.Logger {
	if next == nil {
		next = slog.DiscardHandler
	}
	return slog.New(handler{r, next})
}

// Statements are the different ones, in the order in which they first ran.
func (r *Recorder) Statements() []Statement {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]Statement{}, r.order...)
}

// Runs is how many statements ran, each time counted.
func (r *Recorder) Runs() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.runs
}

// placeholder is how gorm prints $1 when it is not to print values.
var placeholder = regexp.MustCompile(`\$(\d+)\$`)

func (r *Recorder) record(sql, from string) {
	sql = placeholder.ReplaceAllString(sql, "$$$1")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.runs++
	if r.known[sql] {
		return
	}
	if r.known == nil {
		r.known = map[string]bool{}
	}
	r.known[sql] = true
	r.order = append(r.order, Statement{sql, from})
}

// handler is the recorder as a logger's end.
type handler struct {
	to   *Recorder
	next slog.Handler
}

func (h handler) Enabled(context.Context, slog.Level) bool { return true } // else nobody tells

func (h handler) Handle(ctx context.Context, record slog.Record) error {
	if record.Message == "statement" || record.Message == "slow statement" {
		record.Attrs(func(a slog.Attr) bool {
			if a.Key == "sql" {
				h.to.record(a.Value.String(), caller())
			}
			return a.Key != "sql"
		})
	}
	if !h.next.Enabled(ctx, record.Level) {
		return nil
	}
	return h.next.Handle(ctx, record)
}

func (h handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{h.to, h.next.WithAttrs(attrs)}
}

func (h handler) WithGroup(name string) slog.Handler { return handler{h.to, h.next.WithGroup(name)} }

// ours begins the names of this repository's functions; those of the packages behind
// it only pass statements on.
const ours = "banyan.dev/"

var passing = []string{ours + "platform/database.", ours + "monolith/internal/boundary."}

// caller is the function that asked for the statement.
func caller() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs[:])])
	for {
		frame, more := frames.Next()
		if strings.HasPrefix(frame.Function, ours) && !passes(frame.Function) {
			return frame.Function
		}
		if !more {
			return "nobody of ours"
		}
	}
}

func passes(function string) bool {
	for _, p := range passing {
		if strings.HasPrefix(function, p) {
			return true
		}
	}
	return false
}
