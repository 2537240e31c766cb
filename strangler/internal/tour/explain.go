package tour

import (
	"context"
	"errors"
	"slices"
	"time"
)

// failing asks how far events are at the first failure inside a check.
func (t *tour) failing(ctx context.Context) {
	if t.behind == nil && ctx.Err() == nil {
		t.behind = t.run.Behind(ctx)
	}
}

// complaintsShown bounds a report: they are one line each, and shared among the steps
// that did not hold, with a few for each of them however many there are.
const (
	complaintsShown = 30
	fewComplaints   = 3
)

// explain adds to what did not hold what processes complained of meanwhile. It reads logs
// only, and so works also when the context has ended.
func (t *tour) explain(ctx context.Context, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	var failed []*Row
	for _, row := range t.report.Steps {
		if !row.OK() {
			failed = append(failed, row)
		}
	}
	for _, row := range failed {
		m := t.run.Complaints(ctx, row.begun, row.until, max(fewComplaints, complaintsShown/len(failed)))
		row.Meanwhile = &m
	}
	if t.started && len(failed) == 0 && err != nil && !errors.Is(err, ErrInterrupted) {
		m := t.run.Complaints(ctx, t.began, time.Time{}, complaintsShown)
		t.report.Meanwhile = &m
	}
}

// down ends everything. The logs stay if something did not hold, and is not explained by
// somebody's Ctrl-C.
func (t *tour) down(ctx context.Context) error {
	explained := t.report.Meanwhile != nil || slices.ContainsFunc(t.report.Steps, func(r *Row) bool { return r.Meanwhile != nil })
	if !explained {
		return t.run.Down(ctx)
	}
	logs, err := t.run.DownButLogs(ctx)
	t.report.Logs = logs
	return err
}
