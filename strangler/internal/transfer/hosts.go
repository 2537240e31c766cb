package transfer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
	"banyan.dev/platform/ownership/remote"
	"banyan.dev/platform/reconcile"
)

// Hosts are the two that may own a resource, and how they are reached.
type Hosts struct {
	Resource string
	Names    [2]string   // as the gateways' routes call them
	URLs     [2][]string // the admin ports of their replicas
	Token    string
}

// Sides are clients of both, and what closes them. The error names the host that has
// no address.
func (h Hosts) Sides() (sides [2]*remote.Client, closing func(), err error) {
	for i := range sides {
		if sides[i], err = h.Side(i); err != nil {
			return sides, nil, err
		}
	}
	return sides, func() { sides[0].Close(); sides[1].Close() }, nil
}

// Side is a client of one of them; close it.
func (h Hosts) Side(i int) (*remote.Client, error) {
	if len(h.URLs[i]) == 0 {
		return nil, fmt.Errorf("%s, which %s may belong to, does not run", h.Names[i], h.Resource)
	}
	return remote.NewClient(remote.ClientConfig{Resource: h.Resource, Name: h.Names[i], URLs: h.URLs[i], Token: h.Token}), nil
}

// ErrNobody is a resource between two owners: somebody hands it over, or has died
// while doing so.
var ErrNobody = errors.New("nobody owns it at this moment")

// Owner asks both sides and returns the index of the owner, and its row.
func (h Hosts) Owner(ctx context.Context) (owner int, row ownership.Row, err error) {
	rows, err := h.Rows(ctx)
	if err != nil {
		return 0, row, err
	}
	for i, r := range rows {
		if r.State == ownership.Owner {
			return i, r, nil
		}
	}
	return 0, row, fmt.Errorf("%s: %w: %s is %s and %s is %s; `strangler handover` goes on with it", h.Resource, ErrNobody, h.Names[0], rows[0], h.Names[1], rows[1])
}

// Rows asks both sides for their row.
func (h Hosts) Rows(ctx context.Context) (rows [2]ownership.Row, err error) {
	sides, closing, err := h.Sides()
	if err != nil {
		return rows, err
	}
	defer closing()
	for i, s := range sides {
		if rows[i], err = s.Row(ctx); err != nil {
			return rows, fmt.Errorf("ask %s: %w", s.Name(), err)
		}
	}
	return rows, nil
}

// Row asks one side for its row.
func (h Hosts) Row(ctx context.Context, i int) (ownership.Row, error) {
	side, err := h.Side(i)
	if err != nil {
		return ownership.Row{}, err
	}
	defer side.Close()
	return side.Row(ctx)
}

// Handover makes a side the owner, whatever state it finds. What was given up is tried
// again until ctx ends: then the owner from before owns, and all is well.
func (h Hosts) Handover(ctx context.Context, to string, gates handover.Gateways, router handover.Router, by string, log *slog.Logger) (handover.Outcome, error) {
	if err := h.MayMove(ctx, to); err != nil {
		return handover.Outcome{}, err
	}
	sides, closing, err := h.Sides()
	if err != nil {
		return handover.Outcome{}, err
	}
	defer closing()
	c, err := handover.New(handover.Config{
		Resource: h.Resource, Sides: [2]handover.Side{sides[0], sides[1]}, Gateways: gates, Router: router, By: by, Logger: log,
	})
	if err != nil {
		return handover.Outcome{}, err
	}
	// Each attempt lets writers wait, and what it lacked may take seconds to come: a
	// broker gives the partitions of a consumer that was killed to others only then. Of
	// those that were killed before, the rehearsal knows.
	for wait := time.Second; ; wait = min(2*wait, 8*time.Second) {
		if err := h.rehearse(ctx, sides, to, log); err != nil {
			return handover.Outcome{}, err
		}
		out, err := c.Move(ctx, to)
		if err == nil || !errors.Is(err, handover.ErrGaveUp) && !errors.Is(err, ownership.ErrBusy) {
			return out, err
		}
		log.WarnContext(ctx, "the hand-over is tried again", "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return out, err
		}
	}
}

// Reconcile compares the owner's rows with the follower's. It changes nothing.
func (h Hosts) Reconcile(ctx context.Context, opts reconcile.Options) (reconcile.Report, error) {
	owner, _, err := h.Owner(ctx)
	if err != nil {
		return reconcile.Report{}, err
	}
	return h.compare(ctx, owner, opts)
}

// ReconcileFenced is Reconcile also where a hand-over was left half done: then the side
// that is fenced has all that was written, and nobody adds to it.
func (h Hosts) ReconcileFenced(ctx context.Context, opts reconcile.Options) (reconcile.Report, error) {
	report, err := h.Reconcile(ctx, opts)
	if !errors.Is(err, ErrNobody) {
		return report, err
	}
	rows, reading := h.Rows(ctx)
	if reading != nil {
		return reconcile.Report{}, reading
	}
	for i, row := range rows {
		if row.State == ownership.Fenced && rows[1-i].State == ownership.Follower {
			return h.compare(ctx, i, opts)
		}
	}
	return reconcile.Report{}, err
}

func (h Hosts) compare(ctx context.Context, owner int, opts reconcile.Options) (reconcile.Report, error) {
	var clients [2]*reconcile.Client
	for i := range clients {
		clients[i] = h.reconciler(i)
		defer clients[i].Close()
	}
	opts.Resource, opts.Owner, opts.Follower = h.Resource, h.Names[owner], h.Names[1-owner]
	return reconcile.Compare(ctx, clients[owner], clients[1-owner], opts)
}

// Repair has the owner send again what a report found to differ.
func (h Hosts) Repair(ctx context.Context, report reconcile.Report) (reconcile.Repaired, error) {
	for i, name := range h.Names {
		if name == report.Owner {
			owner := h.reconciler(i)
			defer owner.Close()
			return reconcile.Repair(ctx, owner, report)
		}
	}
	return reconcile.Repaired{}, fmt.Errorf("the report's owner is %q: it is of other hosts than %s", report.Owner, strings.Join(h.Names[:], ", "))
}

func (h Hosts) reconciler(i int) *reconcile.Client {
	return reconcile.NewClient(reconcile.ClientConfig{Resource: h.Resource, Name: h.Names[i], URLs: h.URLs[i], Token: h.Token})
}

// Text is a report for people.
func Text(r reconcile.Report) string {
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		return err.Error()
	}
	return strings.TrimSpace(b.String())
}
