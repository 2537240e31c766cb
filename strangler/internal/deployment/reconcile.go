package deployment

import (
	"context"
	"fmt"
	"time"

	"banyan.dev/platform/reconcile"
	"banyan.dev/strangler/internal/steps"
	"banyan.dev/strangler/internal/transfer"
)

// Reconcile compares both sides of a resource, also when a hand-over of it was left half
// done: the walk that goes on compares before it hands over.
func (r *Run) Reconcile(ctx context.Context, resource string) (reconcile.Report, error) {
	hosts, err := r.Hosts(resource)
	if err != nil {
		return reconcile.Report{}, err
	}
	return hosts.ReconcileFenced(ctx, reconcile.Options{Again: behind})
}

// behind is how far the feed may lag when hosts were killed a moment ago: Kafka gives the
// partitions of one to others when it has been silent for 10 s, and begins anew for each
// that dies or comes back meanwhile. What is equal before is not waited for.
const behind = time.Minute

// reconcile compares so often; a difference is an error that names the rows.
func (r *Run) reconcile(ctx context.Context, t steps.Transfer) error {
	if t.Within > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, t.Within)
		defer cancel()
	}
	for range max(1, t.Times) {
		report, err := r.Reconcile(ctx, t.Resource)
		if err != nil {
			return err
		}
		if err := r.Same(report); err != nil {
			return err
		}
		r.progress(Reconciled(report))
	}
	return nil
}

// Same is an error if something differs, or if a run that was begun with posts has no row
// to compare: that would hold for two empty databases.
func (r *Run) Same(report reconcile.Report) error {
	if f := r.state.Filling; report.Clean() && report.Rows() == 0 && f.Done && f.Posts > 0 {
		return fmt.Errorf("%s: %s has no row to compare, and the blog was begun with %d posts", report.Resource, report.Owner, f.Posts)
	}
	return transfer.Clean(report)
}

// Reconciled is a clean report in one line.
func Reconciled(report reconcile.Report) string {
	text := fmt.Sprintf("%s: %d rows of %s and %s compared, 0 differences", report.Resource, report.Rows(), report.Owner, report.Follower)
	if n := report.Explained(); n > 0 {
		text += fmt.Sprintf(" (%d were on their way)", n)
	}
	return text
}
