package tour

import (
	"context"
	"errors"
	"fmt"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/probe"
	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/steps"
)

// demo is one of a step's demos at work.
type demo struct {
	*tour
	people *probe.People
	ahead  []steps.Act // what comes after the act at hand
	killed string      // the replica that was killed last
	read   probe.Reading
	stale  probe.Staleness
	// planted take the faults away again.
	planted []func() error
	detail  string
}

// demos shows those of a step that belong to a place.
func (t *tour) demos(ctx context.Context, step steps.Step, at string) error {
	for _, d := range step.Demos {
		if d.At != at {
			continue
		}
		t.Watch.Action("demo: "+d.Name, "")
		detail, err := t.show(ctx, d)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		t.checked(ctx, d.Name, detail, err)
	}
	return nil
}

func (t *tour) show(ctx context.Context, d steps.Demo) (detail string, err error) {
	base := t.run.EntryURL()
	switch d.Through {
	case "":
	case steps.RoundRobin:
		url, stop, err := t.run.StartRoundRobin(ctx)
		if err != nil {
			return "", err
		}
		defer stop()
		base = url
	default:
		url, err := t.run.URL(d.Through)
		if err != nil {
			return "", err
		}
		base = url
	}
	show := &demo{tour: t, people: probe.New(base)}
	defer show.people.Close()
	defer show.mend(&err)
	for i, act := range d.Do {
		show.ahead = d.Do[i+1:]
		if err := show.act(ctx, act); err != nil {
			t.failing(ctx) // before the faults are taken away
			return "", err
		}
	}
	return show.detail, nil
}

func (d *demo) act(ctx context.Context, a steps.Act) error {
	switch {
	case a.SignIn > 0:
		return d.people.SignIn(ctx, a.SignIn)
	case a.Ask > 0:
		return d.people.Ask(ctx, a.Ask)
	case a.Fault != nil:
		pull, err := d.run.Plant(ctx, *a.Fault)
		if err == nil {
			d.planted = append(d.planted, pull)
		}
		return err
	case a.Read > 0:
		read, err := d.people.Read(ctx, a.Read)
		d.read = read
		return err
	case a.Stale > 0:
		stale, err := d.people.Stale(ctx, a.Stale)
		d.stale = stale
		return err
	case a.Measure == steps.LastStale:
		d.add(d.stale.String())
		return nil
	case a.Measure == steps.LastReading:
		d.add(d.read.String())
		return nil
	case a.Measure == steps.LastHandover:
		return d.handover()
	case a.Measure == steps.Waits:
		return d.waits()
	case a.Measure == steps.LastRamp:
		return d.lastRamp()
	case a.Measure != "":
		return d.imbalance(ctx)
	case a.Action != nil:
		return d.do(ctx, *a.Action)
	default:
		return d.expect(a.Expect)
	}
}

// do does an action; one that is known to sign people out is announced to the
// users, and has somebody to sign out.
func (d *demo) do(ctx context.Context, a steps.Action) error {
	if a.SignsOut && a.Replica != "" {
		if err := d.populate(ctx, a.Replica); err != nil {
			return err
		}
	}
	d.killed = a.Replica
	defer d.tour.expect(a)()
	return d.run.Do(ctx, a)
}

// populate sees to it that somebody lives on the replica: a demo in which nobody
// could be signed out would show nothing.
func (d *demo) populate(ctx context.Context, replica string) error {
	for range 40 {
		if residents, _, _ := d.people.Split(replica); residents > 0 {
			return nil
		}
		if err := d.people.SignIn(ctx, 1); err != nil {
			return err
		}
	}
	return fmt.Errorf("nobody of %d people came to %s", d.people.Count(), replica)
}

func (d *demo) expect(what string) error {
	n, out := d.people.Count(), d.people.Out()
	lost, asked := d.people.Lost()
	switch what {
	case steps.PagesWithComments, steps.PagesWithoutComments:
		return d.expectPages(what == steps.PagesWithComments)
	case steps.EveryoneSignedIn:
		d.detail = fmt.Sprintf("%d people, all still signed in%s", n, d.until())
		if lost > 0 {
			return fmt.Errorf("%d of %d people were signed out", n-d.people.NeverLost(), n)
		}
	case steps.EveryoneSignedOut:
		d.detail = fmt.Sprintf("%d people, all signed out", n)
		if out < n {
			return fmt.Errorf("%d of %d people are still signed in", n-out, n)
		}
	case steps.SignedOutAtEveryTurn:
		d.detail = fmt.Sprintf("%d people: %d of %d requests found them signed out", n, lost, asked)
		if d.people.NeverLost() > 0 || lost*3 < asked {
			return fmt.Errorf("only %d of %d requests found them signed out, and %d of %d people never", lost, asked, d.people.NeverLost(), n)
		}
	case steps.OnlyUsersOfKilled:
		residents, residentsOut, othersOut := d.people.Split(d.killed)
		d.add(fmt.Sprintf("%s killed: its %d of %d people signed out, nobody else", d.killed, residents, n))
		if residents == 0 || residentsOut < residents || othersOut > 0 {
			return fmt.Errorf("%s killed: %d of its %d people signed out, and %d of the others", d.killed, residentsOut, residents, othersOut)
		}
	}
	return nil
}

// expectPages is about the pages that were read last.
func (d *demo) expectPages(with bool) error {
	r := d.read
	d.add(r.String())
	if r.Pages == 0 || with && r.Without > 0 || !with && r.Without < r.Pages {
		return errors.New(r.String())
	}
	return nil
}

// handover is what users noticed of the last hand-over.
func (d *demo) handover() error {
	h := d.run.Handed()
	if h == nil {
		return fmt.Errorf("nothing was handed over")
	}
	d.add(h.String())
	if h.Waited.Refused > 0 {
		return errors.New(h.String())
	}
	return nil
}

// until limits what was just seen, if somebody is signed out later on.
func (d *demo) until() string {
	for _, a := range d.ahead {
		if a.Action != nil && a.Action.Verb == steps.Kill {
			return " before the kill"
		}
	}
	return ""
}

func (d *demo) add(more string) {
	if d.detail != "" {
		d.detail += "; "
	}
	d.detail += more
}

// imbalance compares the requests that each replica has had since it is known.
func (d *demo) imbalance(ctx context.Context) error {
	status, err := d.run.Gateway(ctx)
	if err != nil {
		return err
	}
	for _, o := range status.Owners {
		if len(o.Replicas) > 1 {
			d.add(shares(o.Replicas, d.run.Pinned()))
			return nil
		}
	}
	return fmt.Errorf("the gateway knows no owner with several replicas")
}

// shares puts the load of the replicas in words. Where people are pinned, it is
// uneven at first, and that needs its reason.
func shares(replicas []deployment.GatewayReplica, pinned bool) string {
	var sum, most int64
	for _, r := range replicas {
		sum += r.Requests
		most = max(most, r.Requests)
	}
	if sum == 0 {
		return "no requests yet"
	}
	text := "load by replica"
	for _, r := range replicas {
		text += fmt.Sprintf(" %.1f%%", 100*float64(r.Requests)/float64(sum))
	}
	times := float64(most) * float64(len(replicas)) / float64(sum)
	text += fmt.Sprintf(", the busiest has %.1f times its share", times)
	if pinned && times > unevenFrom {
		text += ", for people stay where they are and most came before the other replicas"
	}
	return text
}

// mend takes the faults away and releases what is held, also when the demo did not
// come to its end.
func (d *demo) mend(err *error) {
	*err = errors.Join(*err, d.run.LetGo())
	for _, pull := range d.planted {
		*err = errors.Join(*err, pull())
	}
}

// waits is what the users noticed of the last hold. A wait is no failure; a request
// that was sent away is.
func (d *demo) waits() error {
	w := d.run.LastHold()
	if w == nil {
		return fmt.Errorf("nothing was held")
	}
	d.add(w.String())
	if w.Refused > 0 {
		return errors.New(w.String())
	}
	return nil
}

// lastRamp is how the last ramp went, in words.
func (d *demo) lastRamp() error {
	r := d.run.Ramped()
	switch r.Result {
	case ramp.Done:
		text := fmt.Sprintf("%s went from %s to %s in %.1f s", r.Route, r.From, r.Now, r.Seconds)
		if r.Now > r.From {
			text += fmt.Sprintf("; canary %s; baseline %s", r.Canary, r.Baseline)
		}
		d.add(text)
	case ramp.Worse:
		d.add(fmt.Sprintf("%s; %s is back at %s", r.Why, r.Route, r.Now))
	default:
		return fmt.Errorf("no ramp has come to an end")
	}
	return nil
}

// unevenFrom is how many times its share a replica has before that is worth a reason.
const unevenFrom = 1.5
