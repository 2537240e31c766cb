package tour

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/journeys"
	"banyan.dev/strangler/internal/same"
	"banyan.dev/strangler/internal/steps"
)

// checks asks for everything that a step says must hold, but for the journeys if
// they were played here before. A check that can't be made has not held.
func (t *tour) checks(ctx context.Context, at steps.Step, again bool) {
	for _, c := range at.Checks {
		if ctx.Err() != nil {
			return
		}
		if again && (c.Journeys != "" || c.Same.Direct != "") {
			continue
		}
		detail, err := t.checkOne(ctx, c)
		if ctx.Err() != nil {
			return // it failed by that, or may have
		}
		t.checked(ctx, c.Name, detail, err)
	}
}

func (t *tour) checked(ctx context.Context, name, detail string, err error) {
	if err != nil {
		t.failing(ctx)
		detail = err.Error()
	}
	t.row.check(name, err == nil, detail, t.behind...)
	t.behind = nil
	t.Watch.Checked(t.row.Checks[len(t.row.Checks)-1])
}

func (t *tour) checkOne(ctx context.Context, c steps.Check) (string, error) {
	switch {
	case c.Journeys != "":
		return t.journeys(ctx, c.Journeys, c.SeenWithin)
	case c.Same.Direct != "":
		return t.same(ctx, c.Same)
	case c.Sessions != "":
		return t.sessions(ctx, c.Sessions)
	case c.Affinity != "":
		return t.affinity(c.Affinity)
	case c.Seams != nil:
		return t.seams(ctx, c.Seams)
	case c.Reconcile != "":
		return t.reconcile(ctx, c.Reconcile)
	case c.Owners != nil:
		return t.owners(ctx, c.Owners)
	default:
		return t.answering(ctx, c.Answering)
	}
}

func (t *tour) journeys(ctx context.Context, through string, seenWithin time.Duration) (string, error) {
	url, err := t.run.URL(through)
	if err != nil {
		return "", err
	}
	if err := t.run.EnsureModerator(ctx); err != nil {
		return "", err
	}
	moderator := t.run.Moderator()
	config := journeys.Config{BaseURL: url, SeenWithin: seenWithin,
		Moderator: journeys.Credentials{Email: moderator.Email, Password: moderator.Password},
		Played: func(r journeys.Result) {
			if !r.OK {
				t.failing(ctx) // when the others are over, it may have caught up
			}
		}}
	results := journeys.Run(ctx, config)
	failed := journeys.Failed(results)
	if len(failed) > 0 {
		var lines []string
		for _, f := range failed {
			lines = append(lines, f.Name+": "+f.Detail)
		}
		return "", fmt.Errorf("%d of %d journeys failed: %s", len(failed), len(results), strings.Join(first(lines, 3), "; "))
	}
	return fmt.Sprintf("%d journeys", len(results)), nil
}

// retries of a comparison that other users' writes may have disturbed.
const retries = 3

func (t *tour) same(ctx context.Context, pair steps.Pair) (string, error) {
	direct, err := t.run.URL(pair.Direct)
	if err != nil {
		return "", err
	}
	through, err := t.run.URL(pair.Through)
	if err != nil {
		return "", err
	}
	config := same.Config{DirectURL: direct, GatewayURL: through}
	results := same.Run(ctx, config)
	failed := same.Failed(results)
	// Users write meanwhile: a list may change between the two requests for it. What
	// differs by that does not differ each time; the detail says that it did.
	again := ""
	for try := 0; try < retries && len(failed) > 0 && ctx.Err() == nil; try++ {
		again = fmt.Sprintf(", %d of them again after a write between the two", len(failed))
		config.Only = nil
		for _, f := range failed {
			config.Only = append(config.Only, f.Name)
		}
		failed = same.Failed(same.Run(ctx, config))
	}
	if len(failed) > 0 {
		var lines []string
		for _, f := range failed {
			lines = append(lines, f.Name+": "+f.Detail)
		}
		return "", fmt.Errorf("%d of %d answers differ: %s", len(failed), len(results), strings.Join(first(lines, 3), "; "))
	}
	return fmt.Sprintf("%d kinds of answers compared%s", len(results), again), nil
}

func (t *tour) sessions(ctx context.Context, store string) (string, error) {
	all, err := t.run.SessionStatuses(ctx)
	if err != nil {
		return "", err
	}
	for _, s := range all {
		if s.Store != store || !s.Settled {
			return "", fmt.Errorf("%s reports %s, settled %t: %s", s.Replica, s.Store, s.Settled, s.Reason)
		}
	}
	return fmt.Sprintf("%d replicas report %s", len(all), store), nil
}

// seams must be as wanted at every replica: one that was not restarted shows here.
func (t *tour) seams(ctx context.Context, want steps.Table) (string, error) {
	replicas := 0
	for process, seams := range want {
		all, err := t.run.Seams(ctx, process)
		if err != nil {
			return "", err
		}
		if len(all) == 0 {
			return "", fmt.Errorf("no replica of %s runs", process)
		}
		for replica, is := range all {
			for seam, value := range seams {
				if is[seam] != value {
					return "", fmt.Errorf("%s reports %s %q, not %q", replica, seam, is[seam], value)
				}
			}
		}
		replicas += len(all)
	}
	return fmt.Sprintf("%d replicas report %s", replicas, want), nil
}

// owners must be as wanted in both sides' databases and in the routes.
func (t *tour) owners(ctx context.Context, want map[string]string) (string, error) {
	var all []string
	for _, resource := range slices.Sorted(maps.Keys(want)) {
		owned, err := t.run.Owned(ctx, resource)
		if err != nil {
			return "", fmt.Errorf("who owns %s: %w", resource, err)
		}
		if owned.Owner != want[resource] {
			return "", fmt.Errorf("%s owns %s at epoch %d, not %s", owned.Owner, resource, owned.Epoch, want[resource])
		}
		all = append(all, fmt.Sprintf("%s owns %s at epoch %d", owned.Owner, resource, owned.Epoch))
	}
	return strings.Join(all, ", ") + ", as both databases and the routes say", nil
}

// reconcile finds no row that the two sides don't have alike.
func (t *tour) reconcile(ctx context.Context, resource string) (string, error) {
	report, err := t.run.Reconcile(ctx, resource)
	if err != nil {
		return "", err
	}
	return deployment.Reconciled(report), t.run.Same(report)
}

func (t *tour) affinity(want string) (string, error) {
	is := "off"
	if t.run.Pinned() {
		is = "on"
	}
	if is != want {
		return "", fmt.Errorf("the routes in force have affinity %s", is)
	}
	return "in the routes that every gateway has in force", nil
}

func (t *tour) answering(ctx context.Context, want steps.Run) (string, error) {
	status, err := t.run.Gateway(ctx)
	if err != nil {
		return "", err
	}
	for _, o := range status.Owners {
		if o.Name != want.Process {
			continue
		}
		healthy := 0
		for _, r := range o.Replicas {
			if r.Healthy {
				healthy++
			}
		}
		if healthy != want.Replicas {
			return "", fmt.Errorf("the gateway sees %d of %d replicas healthy", healthy, want.Replicas)
		}
		return fmt.Sprintf("%d replicas are healthy", healthy), nil
	}
	return "", fmt.Errorf("the gateway knows no owner %q", want.Process)
}

func lastPart(servedBy string) string { return servedBy[strings.LastIndexByte(servedBy, '/')+1:] }
