package deployment

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/steps"
)

// fleet are the gateways that run; one that has ended reads its file when it starts.
func (r *Run) fleet() ramp.Gateways {
	g := ramp.Gateways{Token: r.state.Token, Client: r.client, Patience: r.on.spreads()}
	for _, name := range r.gateways() {
		if r.on.alive(name) {
			g.URLs = append(g.URLs, r.on.adminURL(name))
		}
	}
	return g
}

// Route is a route of the run, to be ramped. Its share is part of the run: the
// gateway's file has it again whenever it is written anew, until the gateway is
// given other routes.
type Route struct {
	run  *Run
	name string
}

// Route returns a route of the gateways that run. The error names those that there
// are, or what the route lacks.
func (r *Run) Route(name string) (*Route, error) {
	if len(r.fleet().URLs) == 0 {
		return nil, errors.New("no gateway runs: advance to a step that has one")
	}
	route := &Route{run: r, name: name}
	_, err := route.policy()
	return route, err
}

func (t *Route) policy() (ramp.Policy, error) {
	content, err := os.ReadFile(t.run.folder.path(routesName))
	if err != nil {
		return ramp.Policy{}, fmt.Errorf("read the gateway's file: %w", err)
	}
	return ramp.Lookup(content, t.name)
}

// Owners are the route's owners: who answers it, and who is its canary.
func (t *Route) Owners(context.Context) (baseline, canary string, err error) {
	p, err := t.policy()
	return p.Owner, p.Canary, err
}

// Share implements ramp.Target.
func (t *Route) Share(ctx context.Context) (ramp.Share, error) {
	if err := t.run.routesInForce(ctx, nil); err != nil {
		return 0, err
	}
	p, err := t.policy()
	return p.Share, err
}

// Set implements ramp.Target.
func (t *Route) Set(ctx context.Context, s ramp.Share) error {
	if t.run.state.Routes.Shares == nil {
		t.run.state.Routes.Shares = map[string]ramp.Share{}
	}
	t.run.state.Routes.Shares[t.name] = s
	return t.run.route(ctx, nil)
}

// Read implements ramp.Target.
func (t *Route) Read(ctx context.Context) ([]ramp.Reading, error) {
	return t.run.fleet().Readings(ctx, t.name)
}

// lookAtCanary is how often a step's ramp looks at both sides.
const lookAtCanary = 250 * time.Millisecond

// ramp does a step's ramp. One that ended otherwise than it should is an error, with
// the figures in its words.
func (r *Run) ramp(ctx context.Context, m steps.Move) error {
	route, err := r.Route(m.Route())
	if err != nil {
		return err
	}
	limits := ramp.Defaults()
	limits.MinRequests = uint64(max(1, m.Answers))
	if m.Floor > 0 {
		limits.Floor = m.Floor
	}
	c := ramp.Config{
		Route: m.Route(), Shares: ramp.Shares(m.Steps, m.To), Hold: max(m.For, lookAtCanary), Every: lookAtCanary,
		Patience: rampPatience, TooFew: cmp.Or(m.TooFew, ramp.GoBack), Limits: limits, Watch: r.tellRamp,
	}
	if m.TooFew == ramp.GoOn {
		c.Patience = 0
	}
	if m.Worse {
		limits.MinRequests = 1 << 40 // it is there to be found worse, however long that takes
		c.Limits = limits
	}
	out, err := ramp.Run(ctx, c, route)
	r.ramped = out
	switch want := map[bool]ramp.Result{false: ramp.Done, true: ramp.Worse}[m.Worse]; {
	case err != nil:
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	case out.Result != want && out.Result == ramp.Done:
		return fmt.Errorf("the canary of %s got %s and was to be found worse: canary %s; baseline %s", m.Route(), out.Now, out.Canary, out.Baseline)
	case out.Result != want:
		return fmt.Errorf("the ramp of %s ended: %s: %s; it is at %s now", m.Route(), out.Result, out.Why, out.Now)
	default:
		return nil
	}
}

// rampPatience is how much longer than its time a step's share waits for requests.
const rampPatience = 30 * time.Second

// tellRamp passes on what happens, but not each look.
func (r *Run) tellRamp(e ramp.Event) {
	if e.Kind != ramp.Looked {
		r.progress(e.Text)
	}
}

// Ramped is the last ramp of this command.
func (r *Run) Ramped() ramp.Outcome { return r.ramped }

// shadowed waits until so many of a route's answers were compared since now, and
// none of them differed.
func (r *Run) shadowed(ctx context.Context, m steps.Move) error {
	before, err := r.shadowCounts(ctx, m.Route())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, m.For)
	defer cancel()
	var last error
	ok := await(ctx, 100*time.Millisecond, func() bool {
		var now ramp.Shadow
		if now, last = r.shadowCounts(ctx, m.Route()); last != nil {
			return false
		}
		matched, mismatched := now.Matched-before.Matched, now.Mismatched-before.Mismatched
		switch {
		case mismatched > 0:
			last = fmt.Errorf("%d of %d answers of %s differ: see /api/routes/%s/differences at the gateway's admin port",
				mismatched, matched+mismatched, m.Route(), m.Route())
			return true
		case matched < uint64(m.Answers):
			last = fmt.Errorf("only %d answers of %s were compared within %s, %d are wanted (%d copies got no answer)",
				matched, m.Route(), m.For, m.Answers, now.Failed-before.Failed)
			return false
		default:
			last = nil
			r.progress(fmt.Sprintf("%d answers of %s compared, all the same", matched, m.Route()))
			return true
		}
	})
	if !ok && last == nil {
		last = ctx.Err()
	}
	return last
}

func (r *Run) shadowCounts(ctx context.Context, route string) (ramp.Shadow, error) {
	all, err := r.fleet().Status(ctx)
	if err != nil {
		return ramp.Shadow{}, err
	}
	var sum ramp.Shadow
	for _, s := range all {
		found, err := s.Route(route)
		if err != nil {
			return sum, err
		}
		if found.Shadow == nil {
			return sum, fmt.Errorf("route %q has no shadow: write shadow: {owner: ...} in its gateway.yaml", route)
		}
		sum.Matched += found.Shadow.Matched
		sum.Mismatched += found.Shadow.Mismatched
		sum.Failed += found.Shadow.Failed
	}
	return sum, nil
}
