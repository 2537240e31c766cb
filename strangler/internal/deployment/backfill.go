package deployment

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"banyan.dev/platform/backfill"
	"banyan.dev/strangler/internal/steps"
)

// backfillWithin bounds a backfill whose step names no time.
const backfillWithin = 10 * time.Minute

// backfill sends what the owner has to who follows. The run's name is noted before it
// begins, so that what a crash has cut off goes on where it was.
func (r *Run) backfill(ctx context.Context, t steps.Transfer) error {
	within := t.Within
	if within == 0 {
		within = backfillWithin
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	hosts, err := r.Hosts(t.Resource)
	if err != nil {
		return err
	}
	name, err := r.backfillName(t.Resource)
	if err != nil {
		return err
	}
	status, err := hosts.Backfill(ctx, backfill.Order{Run: name, Rate: t.Rate}, nil)
	if err != nil {
		return err
	}
	r.progress(fmt.Sprintf("%s: %d rows sent and applied, %.0f a second", t.Resource, status.Rows, status.RowsPerSecond))
	return nil
}

// backfillName is of the run that has begun, or of a new one. It is forgotten when what
// was brought over is discarded.
func (r *Run) backfillName(resource string) (string, error) {
	if name := r.state.Backfills[resource]; name != "" {
		return name, nil
	}
	name, err := uuid.NewV7()
	if err != nil {
		return "", fmt.Errorf("name a backfill: %w", err)
	}
	if r.state.Backfills == nil {
		r.state.Backfills = map[string]string{}
	}
	r.state.Backfills[resource] = name.String()
	return name.String(), r.save()
}
