package run

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Main calls f with a context that ends at SIGINT or SIGTERM, prints its error
// as one line and exits: 0 after success or an orderly stop, 1 after an error.
// A second signal ends the process at once, so that a stop that hangs can
// always be cut short.
func Main(f func(ctx context.Context) error) {
	os.Exit(Status(f, os.Stderr))
}

// Status is Main without the exit: it returns the status and writes the error
// to stderr. It is what a test of a host's main calls.
func Status(f func(ctx context.Context) error, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // from here on a second signal has its default effect
	err := f(ctx)
	if err == nil || (errors.Is(err, context.Canceled) && ctx.Err() != nil) {
		return 0
	}
	fmt.Fprintln(stderr, "error:", err)
	return 1
}

// Stack collects what has been started, to stop it in reverse order. The zero
// value is ready. It is not safe for use by several goroutines: wiring is done
// by one.
type Stack struct {
	stops []stop
}

type stop struct {
	what string
	f    func(ctx context.Context) error
}

// Push adds what was just started. What it says appears in a stop's error.
func (s *Stack) Push(what string, f func(ctx context.Context) error) {
	s.stops = append(s.stops, stop{what, f})
}

// Stop stops everything, last started first, and goes on after a failure: one
// part that can't stop must not keep the others running. It returns all errors
// joined. The context bounds the whole; pass one that is not yet cancelled.
// A second call finds nothing left to stop.
func (s *Stack) Stop(ctx context.Context) error {
	var errs []error
	for i := len(s.stops) - 1; i >= 0; i-- {
		if err := s.stops[i].f(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", s.stops[i].what, err))
		}
	}
	s.stops = nil
	return errors.Join(errs...)
}
