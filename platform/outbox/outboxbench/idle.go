package outboxbench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// MeasureIdle lets the relay run for as long as d while nothing is written. What that
// costs is for whoever looks at the processes.
func MeasureIdle(ctx context.Context, s Subject, d time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all := running(ctx, cancel, s)
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	err := ctx.Err()
	cancel()
	if err := errors.Join(err, all.wait()); err != nil {
		return fmt.Errorf("let %s idle: %w", s.Name, err)
	}
	return nil
}
