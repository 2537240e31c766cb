package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/platform/ownership"
	"banyan.dev/platform/reconcile"
	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/ramp"
	"banyan.dev/strangler/internal/steps"
	"banyan.dev/strangler/internal/transfer"
)

type handoverFlags struct {
	elsewhere
	to           string
	status, json bool
	unchecked    bool
	holds        []string
	within       time.Duration
}

const handoverLong = `Makes the other side the owner of a resource while clients write it, without losing a write: new requests of its routes are
held at the gateways, the owner is fenced in its database, what it wrote until then is applied by the other side, that side
takes the next epoch in its own database, the gateways route to it, and what was held goes on. That takes well below a second.

Whatever state it finds it goes on from there: nothing begun, or a hand-over in either direction that somebody left half
done. It may be killed at any moment; the same command, or one with the other --to, goes on. There is never more than one
owner: each move is a compare-and-swap in the side's own database, by epoch. If the other side does not have everything in
time, the hand-over is given up and the owner from before owns again, two epochs later.

Before it begins, the two sides are compared, as by "strangler reconcile": it is refused when they differ, or can't be
compared, unless --unchecked. What is half done is gone on with in any case.

--status changes nothing: it shows both rows with their epochs, what each gateway routes and holds.` + elsewhereLong + `
With --gateway-admin also name --file, the configuration that your gateways read: who owns is written there first.`

func (t *tool) handover() *cobra.Command {
	var f handoverFlags
	cmd := &cobra.Command{
		Use:   "handover --to SIDE",
		Short: "Move the right to write a resource to the other side, or back",
		Long:  handoverLong,
		Example: `  strangler handover --status
  strangler handover --to comments
  ADMIN_TOKEN=... strangler handover --to monolith --monolith-admin http://10.0.0.4:8081 --comments-admin http://10.0.0.7:8081 \
    --gateway-admin http://10.0.0.9:8001 --file /etc/banyan/gateway.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.status == (f.to != "") {
				return errors.New("give either --to and a side, monolith or comments, or --status")
			}
			return t.onHosts(&f.elsewhere, func(hosts transfer.Hosts, run *deployment.Run) error {
				return t.runHandover(cmd.Context(), hosts, run, f)
			})
		},
	}
	f.flags(cmd, true)
	flags := cmd.Flags()
	flags.StringVar(&f.to, "to", "", "the side that is to own it")
	flags.BoolVar(&f.status, "status", false, "show who owns, and what the gateways do")
	flags.BoolVar(&f.json, "json", false, "one JSON document")
	flags.StringSliceVar(&f.holds, "hold", nil, "routes to hold beside those of the resource: pages that write it (default, in a run: those that its steps name)")
	flags.BoolVar(&f.unchecked, "unchecked", false, "don't compare the two sides before")
	flags.DurationVar(&f.within, "within", time.Minute, "how long it may take after the comparison, with what is tried again")
	return cmd
}

func (t *tool) runHandover(ctx context.Context, hosts transfer.Hosts, run *deployment.Run, f handoverFlags) error {
	if f.status {
		return t.ownershipStatus(ctx, hosts, run, f)
	}
	if f.to != hosts.Names[0] && f.to != hosts.Names[1] {
		return fmt.Errorf("--to is %q: give %s or %s", f.to, hosts.Names[0], hosts.Names[1])
	}
	if run != nil {
		return t.handoverInRun(ctx, run, f)
	}
	fleet, closing := f.fleet()
	defer closing()
	log := slog.New(slog.NewTextHandler(t.err, nil))
	gates := &transfer.Gateways{Fleet: fleet, Routes: f.holds, Logger: log}
	router := &transfer.FileRouter{Fleet: fleet, Gates: gates, Resource: f.resource, Path: f.file, Logger: log}
	if len(f.gateways) > 0 || f.file != "" {
		text, err := router.Text(ctx)
		if err != nil {
			return err
		}
		is, err := ramp.LookupOwner(text, f.resource)
		if err != nil {
			return err
		}
		gates.Routes = append(is.Writes, f.holds...) // readers need not wait
	} else {
		return errors.New("nobody could be routed: give --gateway-admin and --file, the gateways' configuration")
	}
	if !f.unchecked {
		if err := hosts.Compared(ctx, f.to, reconcile.Options{}, log); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, f.within)
	defer cancel()
	out, err := hosts.Handover(ctx, f.to, gates, router, by(), log)
	if err != nil {
		return err
	}
	if f.json {
		return writeJSON(t.out, out)
	}
	fmt.Fprintf(t.out, "%s owns %s at epoch %d; held for %s, owned by nobody for %s\n", out.Owner, f.resource, out.Epoch,
		out.Held.Round(time.Millisecond), out.Unowned.Round(time.Millisecond))
	return nil
}

// by tells copies of the tool apart, in the record that each side keeps.
func by() string {
	host, err := os.Hostname()
	if err != nil {
		host = "some host"
	}
	return fmt.Sprintf("strangler at %s, process %d", host, os.Getpid())
}

func (t *tool) handoverInRun(ctx context.Context, run *deployment.Run, f handoverFlags) error {
	holds := f.holds
	if holds == nil {
		holds = run.HoldsOf(f.resource)
	}
	action := steps.Action{Verb: steps.Handover, Transfer: &steps.Transfer{Resource: f.resource, To: f.to, Holds: holds, Within: f.within, Unchecked: f.unchecked}}
	if err := run.Do(ctx, action); err != nil {
		return err
	}
	h := run.Handed()
	if f.json {
		return writeJSON(t.out, h.Outcome)
	}
	fmt.Fprintln(t.out, h)
	return nil
}

// ownershipReport is what --status shows.
type ownershipReport struct {
	Resource string        `json:"resource"`
	Sides    []sideReport  `json:"sides"`
	Gateways []gatewayView `json:"gateways"`
}

type sideReport struct {
	Name  string            `json:"name"`
	Row   *ownership.Row    `json:"row,omitempty"`
	Moves []ownership.Moved `json:"moves,omitempty"`
	Error string            `json:"error,omitempty"`
}

type gatewayView struct {
	URL      string   `json:"url"`
	Revision int64    `json:"revision,omitempty"`
	Owner    string   `json:"owner,omitempty"`
	Epoch    int64    `json:"epoch,omitempty"`
	Held     []string `json:"held,omitempty"` // routes
	Error    string   `json:"error,omitempty"`
}

// lastMoves is how many lines of each side's record are shown.
const lastMoves = 6

func (t *tool) ownershipStatus(ctx context.Context, hosts transfer.Hosts, run *deployment.Run, f handoverFlags) error {
	fleet, closing := f.fleet()
	defer closing()
	if run != nil {
		fleet = run.Fleet()
	}
	report := ownershipReport{Resource: f.resource, Gateways: []gatewayView{}}
	for i, name := range hosts.Names {
		report.Sides = append(report.Sides, sideOf(ctx, hosts, i, name))
	}
	for _, url := range fleet.URLs {
		report.Gateways = append(report.Gateways, viewOf(ctx, fleet, url, f.resource))
	}
	if f.json {
		return writeJSON(t.out, report)
	}
	report.write(t.out)
	return nil
}

func sideOf(ctx context.Context, hosts transfer.Hosts, i int, name string) sideReport {
	s := sideReport{Name: name}
	side, err := hosts.Side(i)
	if err != nil {
		s.Error = err.Error()
		return s
	}
	defer side.Close()
	row, err := side.Row(ctx)
	if err != nil {
		s.Error = err.Error()
		return s
	}
	s.Row = &row
	if s.Moves, err = side.Moves(ctx, lastMoves); err != nil {
		s.Error = err.Error()
	}
	return s
}

func viewOf(ctx context.Context, fleet ramp.Gateways, url, resource string) gatewayView {
	fleet.URLs = []string{url}
	view := gatewayView{URL: url}
	fail := func(err error) gatewayView { view.Error = err.Error(); return view }
	all, err := fleet.Status(ctx)
	if err != nil {
		return fail(err)
	}
	view.Revision = all[0].Revision
	for _, r := range all[0].Routes {
		if r.Hold.Held {
			view.Held = append(view.Held, r.Name)
		}
	}
	text, err := fleet.Config(ctx)
	if err != nil {
		return fail(err)
	}
	is, err := ramp.LookupOwner(text, resource)
	if err != nil {
		return fail(err)
	}
	view.Owner, view.Epoch = is.Owner, is.Epoch
	return view
}

func (r ownershipReport) write(w io.Writer) {
	for _, s := range r.Sides {
		if s.Row == nil {
			fmt.Fprintf(w, "%-10s %s\n", s.Name, s.Error)
			continue
		}
		fmt.Fprintf(w, "%-10s %s, since %s, by %s\n", s.Name, s.Row, s.Row.Since.Format(time.RFC3339), s.Row.By)
		for _, m := range s.Moves {
			fmt.Fprintf(w, "%-10s   %s %s: %s at %d, by %s\n", "", m.At.Format(time.RFC3339), m.Move, m.State, m.Epoch, m.By)
		}
	}
	for _, g := range r.Gateways {
		switch {
		case g.Error != "":
			fmt.Fprintf(w, "gateway %s: %s\n", g.URL, g.Error)
		case len(g.Held) > 0:
			fmt.Fprintf(w, "gateway %s: routes to %s at epoch %d (revision %d), and holds %v\n", g.URL, g.Owner, g.Epoch, g.Revision, g.Held)
		default:
			fmt.Fprintf(w, "gateway %s: routes to %s at epoch %d (revision %d), and holds nothing\n", g.URL, g.Owner, g.Epoch, g.Revision)
		}
	}
}
