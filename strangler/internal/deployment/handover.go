package deployment

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
	"banyan.dev/platform/reconcile"
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
		if r.on.alive(name) {
			urls = append(urls, r.on.adminURL(name))
		}
	}
	return urls
}

// Fleet are the gateways that run.
func (r *Run) Fleet() ramp.Gateways { return r.fleet() }

// HoldsOf are the routes that the path's hand-overs of a resource hold beside its own.
func (r *Run) HoldsOf(resource string) []string {
	var holds []string
	for _, s := range r.path.Steps {
		for _, a := range slices.Concat(s.Forward, s.Back) {
			if a.Verb == steps.Handover && a.Transfer.Resource == resource {
				holds = union(holds, a.Transfer.Holds)
			}
		}
	}
	return holds
}

// Hosts are the two that a resource may belong to; the one that owned first comes
// first.
func (r *Run) Hosts(resource string) (transfer.Hosts, error) {
	names, err := r.path.Sides(resource)
	return transfer.Hosts{
		Resource: resource, Names: names, URLs: [2][]string{r.adminURLs(names[0]), r.adminURLs(names[1])}, Token: r.state.Token,
	}, err
}

// handover makes a side the owner, whatever state another command has left it in.
func (r *Run) handover(ctx context.Context, t steps.Transfer) error {
	hosts, err := r.Hosts(t.Resource)
	if err != nil {
		return err
	}
	log := slog.New(&telling{r.progress})
	if !t.Unchecked {
		if err := hosts.Compared(ctx, t.To, reconcile.Options{Again: behind}, log); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, max(t.Within, handoverWithin))
	defer cancel()
	text, err := os.ReadFile(r.folder.path(routesName))
	if err != nil {
		return fmt.Errorf("the routes of %s: %w", t.Resource, err)
	}
	routed, err := ramp.LookupOwner(text, t.Resource)
	if err != nil {
		return fmt.Errorf("the routes of %s: %w", r.state.Routes.Step, err)
	}
	gates := &transfer.Gateways{Fleet: r.fleet(), Routes: union(routed.Writes, t.Holds), Logger: log}
	before, err := holdStatuses(ctx, gates.Fleet, gates.Routes)
	if err != nil {
		return err
	}
	if r.held != nil {
		return fmt.Errorf("%s is held by this command: release it before the hand-over, which holds what it needs", strings.Join(r.held.routes, ", "))
	}
	// The run's lock is ours: a hold that is there is a dead command's.
	if err := gates.Forget(ctx); err != nil {
		return err
	}
	out, err := hosts.Handover(ctx, t.To, gates, router{r, gates, t.Resource, log}, fmt.Sprintf("strangler, process %d", os.Getpid()), log)
	if err != nil {
		return err
	}
	return r.handed(ctx, t, out, gates, before)
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

func (r *Run) handed(ctx context.Context, t steps.Transfer, out handover.Outcome, gates *transfer.Gateways, before map[string]ramp.HoldStatus) error {
	after, err := holdStatuses(ctx, gates.Fleet, gates.Routes)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	waited := waitedSince(gates.Routes, out.Held, before, after)
	waited.Unknown = err != nil // it is handed over none the less
	r.handedOver = &Handed{Resource: t.Resource, Outcome: out, Waited: waited}
	r.progress(r.handedOver.String())
	return nil
}

// Handed is the last hand-over of this command; nil before the first.
func (r *Run) Handed() *Handed { return r.handedOver }

// router is the truth of a run's routes: its state, then the gateway's file.
type router struct {
	run      *Run
	gates    *transfer.Gateways
	resource string
	log      *slog.Logger
}

// Route implements handover.Router.
func (t router) Route(ctx context.Context, owner string, epoch int64) error {
	r := t.run
	file := r.folder.path(routesName)
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
	if is.Epoch != epoch {
		if r.state.Routes.Resources == nil {
			r.state.Routes.Resources = map[string]Owned{}
		}
		r.state.Routes.Resources[t.resource] = Owned{Owner: owner, Epoch: epoch}
		if err := r.writeRoutes(ctx, nil, t.gates.Next(ctx, t.gates.Fleet, r.state.Routes.Revision)); err != nil {
			return err
		}
	}
	// Of the gateways that there were, one may have died: it reads the file when it comes back.
	return t.gates.Tell(ctx, r.fleet(), transfer.Word{Resource: t.resource, Owner: owner, Epoch: epoch}, t.log)
}

// Owned is who owns a resource, when both sides' databases and the routes agree.
func (r *Run) Owned(ctx context.Context, resource string) (Owned, error) {
	hosts, err := r.Hosts(resource)
	if err != nil {
		return Owned{}, err
	}
	rows, err := hosts.Rows(ctx)
	if err != nil {
		return Owned{}, err
	}
	text, err := os.ReadFile(r.folder.path(routesName))
	if err != nil {
		return Owned{}, fmt.Errorf("the gateway's file: %w", err)
	}
	routed, err := ramp.LookupOwner(text, resource)
	if err != nil {
		return Owned{}, err
	}
	var said []string
	owners := 0
	for i, row := range rows {
		said = append(said, fmt.Sprintf("%s is %s", hosts.Names[i], row))
		if row.State == ownership.Owner {
			owners++
			if hosts.Names[i] != routed.Owner {
				owners = 2
			}
		}
	}
	if owners != 1 {
		return Owned{}, fmt.Errorf("%s, and the routes say %s at %d", strings.Join(said, ", "), routed.Owner, routed.Epoch)
	}
	return Owned{Owner: routed.Owner, Epoch: routed.Epoch}, nil
}

// telling passes a log's lines on as progress, with their attributes.
type telling struct{ progress func(string) }

func (t *telling) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (t *telling) WithAttrs([]slog.Attr) slog.Handler           { return t }
func (t *telling) WithGroup(string) slog.Handler                { return t }
func (t *telling) Handle(_ context.Context, rec slog.Record) error {
	parts := []string{rec.Message}
	rec.Attrs(func(a slog.Attr) bool { parts = append(parts, a.String()); return true })
	t.progress(strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " "))
	return nil
}
