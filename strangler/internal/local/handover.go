package local

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
	"banyan.dev/platform/ownership/remote"
	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/steps"
	"banyan.dev/strangler/internal/transfer"
)

// handoverWithin bounds a hand-over, with what is tried again when it was given up.
const handoverWithin = time.Minute

// adminURLs are the admin ports of a process's replicas that run.
func (r *Run) adminURLs(process string) []string {
	var urls []string
	for _, name := range r.replicas(process) {
		if r.state.Processes[name].alive() {
			urls = append(urls, "http://"+loopback(r.state.Ports[name].Admin))
		}
	}
	return urls
}

// sides are clients of a resource's two sides; the one that owned first comes first.
// close them.
func (r *Run) sides(resource string) (sides [2]*remote.Client, closing func(), err error) {
	names, err := r.path.Sides(resource)
	if err != nil {
		return sides, nil, err
	}
	for i, name := range names {
		urls := r.adminURLs(name)
		if len(urls) == 0 {
			return sides, nil, fmt.Errorf("%s, which %s may belong to, does not run", name, resource)
		}
		sides[i] = remote.NewClient(remote.ClientConfig{Resource: resource, Name: name, URLs: urls, Token: r.state.Token})
	}
	return sides, func() { sides[0].Close(); sides[1].Close() }, nil
}

// handover makes a side the owner, whatever state another command has left it in.
func (r *Run) handover(ctx context.Context, t steps.Transfer) error {
	ctx, cancel := context.WithTimeout(ctx, max(t.Within, handoverWithin))
	defer cancel()
	sides, closing, err := r.sides(t.Resource)
	if err != nil {
		return err
	}
	defer closing()
	text, err := os.ReadFile(r.folder.path("gateway.yaml"))
	if err != nil {
		return fmt.Errorf("the routes of %s: %w", t.Resource, err)
	}
	routed, err := ramp.LookupOwner(text, t.Resource)
	if err != nil {
		return fmt.Errorf("the routes of %s: %w", r.state.Routes.Step, err)
	}
	log := slog.New(&telling{r.progress})
	gates := transfer.Gateways{Fleet: r.fleet(), Routes: union(routed.Routes, t.Holds), Logger: log}
	c, err := handover.New(handover.Config{
		Resource: t.Resource, Sides: [2]handover.Side{sides[0], sides[1]}, Gateways: gates, Router: router{r, t.Resource},
		By: fmt.Sprintf("strangler, process %d", os.Getpid()), Logger: log,
	})
	if err != nil {
		return err
	}
	before, err := holdStatuses(ctx, gates.Fleet, gates.Routes)
	if err != nil {
		return err
	}
	// The run's lock is ours: a hold that is there is a dead command's.
	if err := gates.Forget(ctx); err != nil {
		return err
	}
	out, err := move(ctx, c, t.To, log)
	if err != nil {
		return err
	}
	return r.handed(ctx, t, out, gates, before)
}

// move tries again what was given up: then the owner from before owns, and all is
// well.
func move(ctx context.Context, c *handover.Coordinator, to string, log *slog.Logger) (handover.Outcome, error) {
	for {
		out, err := c.Move(ctx, to)
		if err == nil || !errors.Is(err, handover.ErrGaveUp) && !errors.Is(err, ownership.ErrBusy) {
			return out, err
		}
		log.WarnContext(ctx, "the hand-over is tried again", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return out, err
		}
	}
}

// Handed is what users noticed of a hand-over.
type Handed struct {
	Resource string
	handover.Outcome
	Waited Waited
}

// String is the hand-over in words.
func (h Handed) String() string {
	text := fmt.Sprintf("%s owns %s at epoch %d", h.Owner, h.Resource, h.Epoch)
	if h.Unowned > 0 {
		text += fmt.Sprintf("; nobody did for %.0f ms", float64(h.Unowned.Microseconds())/1000)
	}
	return text + "; " + h.Waited.String()
}

func (r *Run) handed(ctx context.Context, t steps.Transfer, out handover.Outcome, gates transfer.Gateways, before map[string]ramp.HoldStatus) error {
	after, err := holdStatuses(ctx, gates.Fleet, gates.Routes)
	if err != nil {
		return err
	}
	r.handedOver = &Handed{Resource: t.Resource, Outcome: out, Waited: waitedSince(gates.Routes, out.Held, before, after)}
	r.progress(r.handedOver.String())
	return nil
}

// Handed is the last hand-over of this command; nil before the first.
func (r *Run) Handed() *Handed { return r.handedOver }

// router is the truth of a run's routes: its state, then the gateway's file.
type router struct {
	run      *Run
	resource string
}

// Route implements handover.Router.
func (t router) Route(ctx context.Context, owner string, epoch int64) error {
	r := t.run
	file := r.folder.path("gateway.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("the gateway's file: %w", err)
	}
	is, err := ramp.LookupOwner(text, t.resource)
	if err != nil {
		return err
	}
	known := is
	if o := r.state.Routes.Resources[t.resource]; o.Epoch > known.Epoch { // noted, and then cut off
		known.Owner, known.Epoch = o.Owner, o.Epoch
	}
	if err := transfer.Newer(t.resource, known, owner, epoch); err != nil {
		return err
	}
	if is.Epoch == epoch {
		return r.routesInForce(ctx, nil)
	}
	if r.state.Routes.Resources == nil {
		r.state.Routes.Resources = map[string]Owned{}
	}
	r.state.Routes.Resources[t.resource] = Owned{Owner: owner, Epoch: epoch}
	return r.writeRoutes(ctx, nil, true)
}

// Owned is who owns a resource, when both sides' databases and the routes agree.
func (r *Run) Owned(ctx context.Context, resource string) (Owned, error) {
	sides, closing, err := r.sides(resource)
	if err != nil {
		return Owned{}, err
	}
	defer closing()
	text, err := os.ReadFile(r.folder.path("gateway.yaml"))
	if err != nil {
		return Owned{}, fmt.Errorf("the gateway's file: %w", err)
	}
	routed, err := ramp.LookupOwner(text, resource)
	if err != nil {
		return Owned{}, err
	}
	var said []string
	owners := 0
	for _, s := range sides {
		row, err := s.Row(ctx)
		if err != nil {
			return Owned{}, err
		}
		said = append(said, fmt.Sprintf("%s is %s", s.Name(), row))
		if row.State == ownership.Owner {
			owners++
			if s.Name() != routed.Owner {
				owners = 2
			}
		}
	}
	if owners != 1 {
		return Owned{}, fmt.Errorf("%s, and the routes say %s at %d", strings.Join(said, ", "), routed.Owner, routed.Epoch)
	}
	return Owned{Owner: routed.Owner, Epoch: routed.Epoch}, nil
}

// discard empties the database of a host that is given up.
func (r *Run) discard(ctx context.Context, process string) error {
	if names := r.replicas(process); len(names) > 0 {
		return fmt.Errorf("%s still runs: stop it before its data is discarded", strings.Join(names, ", "))
	}
	if err := r.mayGo(process); err != nil {
		return err
	}
	return r.runOnce(ctx, process, r.path.Processes[process].Discard)
}

// mayGo refuses to end a process that owns something: nobody else could write it.
func (r *Run) mayGo(process string) error {
	for _, resource := range sortedKeys(r.state.Routes.Resources) {
		if o := r.state.Routes.Resources[resource]; o.Owner == process {
			return fmt.Errorf("%s owns %s (epoch %d): hand it over before %s is given up", process, resource, o.Epoch, process)
		}
	}
	return nil
}

// mayMiss refuses to stop Kafka while a host writes to it, or reads from it.
func (r *Run) mayMiss(ctx context.Context, process string) error {
	if r.path.Processes[process].Infrastructure != "kafka" {
		return nil
	}
	for _, name := range sortedKeys(r.state.Processes) {
		p := r.path.Processes[r.state.Processes[name].Process]
		if !p.Host() || !p.Reads("kafka.address") {
			continue
		}
		seams, err := r.seams(ctx, name)
		if err != nil {
			return fmt.Errorf("ask %s whether it needs %s: %w", name, process, err)
		}
		if seams["events"] != "off" {
			return fmt.Errorf("%s reports events %q, for which it needs %s: turn them off, and restart it, before %s is stopped", name, seams["events"], process, process)
		}
	}
	return nil
}

// seamsWithin bounds the wait for replicas that were told something to report it.
const seamsWithin = 30 * time.Second

// awaitSeams waits until every replica reports the seams, also those of other
// processes that are the same program: they write the same tables.
func (r *Run) awaitSeams(ctx context.Context, want steps.Table) error {
	ctx, cancel := context.WithTimeout(ctx, seamsWithin)
	defer cancel()
	for _, process := range sortedKeys(want) {
		for _, name := range r.replicasOf(r.path.Processes[process].Package) {
			var last error
			if !await(ctx, 20*time.Millisecond, func() bool { last = r.reports(ctx, name, want[process]); return last == nil }) {
				return fmt.Errorf("%s: %w", name, last)
			}
		}
	}
	return nil
}

// replicasOf are the replicas of all processes that are one program.
func (r *Run) replicasOf(program string) []string {
	var names []string
	for _, name := range sortedKeys(r.state.Processes) {
		if p := r.path.Processes[r.state.Processes[name].Process]; p.Package == program {
			names = append(names, name)
		}
	}
	return names
}

func (r *Run) reports(ctx context.Context, replica string, want map[string]string) error {
	is, err := r.seams(ctx, replica)
	if err != nil {
		return err
	}
	for _, seam := range sortedKeys(want) {
		if is[seam] != want[seam] {
			return fmt.Errorf("it reports %s %q, not %q: it runs with what it was told before", seam, is[seam], want[seam])
		}
	}
	return nil
}

// telling passes a log's lines on as progress, with their attributes.
type telling struct{ progress func(string) }

func (t *telling) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }
func (t *telling) WithAttrs([]slog.Attr) slog.Handler           { return t }
func (t *telling) WithGroup(string) slog.Handler                { return t }
func (t *telling) Handle(_ context.Context, rec slog.Record) error {
	parts := []string{rec.Message}
	rec.Attrs(func(a slog.Attr) bool { parts = append(parts, a.String()); return true })
	t.progress(strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " "))
	return nil
}
