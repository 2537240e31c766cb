package command

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/charmbracelet/x/term"
	"github.com/spf13/cobra"

	"banyan.dev/platform/reconcile"
	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/transfer"
)

// errDiffers makes the exit status 1; the report has said what differs.
var errDiffers = errors.New("the two sides differ")

type reconcileFlags struct {
	elsewhere
	repair, yes, json bool
	again             time.Duration
	limit             int
}

const reconcileLong = `Compares the rows of who owns a resource with those of who follows, while both are written. The databases make digests of
ranges of rows; only a range that differs is split, down to rows. A row that differs is looked at again for a while
(--again), since an event may be on its way: what is equal then is explained, and what is not is named. The exit status is
0 only if nothing differs.

It changes nothing, unless --repair: then the owner sends what differs once more, through its outbox and the same topic as
every other event, and both sides are compared anew. You are asked before that, unless --yes.` + elsewhereLong

func (t *tool) reconcile() *cobra.Command {
	var f reconcileFlags
	cmd := &cobra.Command{
		Use:   "reconcile",
		Short: "Compare the two sides of a resource, and name the rows that differ",
		Long:  reconcileLong,
		Example: `  strangler reconcile
  strangler reconcile --repair
  ADMIN_TOKEN=... strangler reconcile --json --monolith-admin http://10.0.0.4:8081 --comments-admin http://10.0.0.7:8081`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return t.onHosts(&f.elsewhere, func(hosts transfer.Hosts, _ *deployment.Run) error {
				return t.runReconcile(cmd.Context(), hosts, f, os.Stdin)
			})
		},
	}
	f.flags(cmd, false)
	flags := cmd.Flags()
	flags.BoolVar(&f.repair, "repair", false, "have the owner send what differs once more")
	flags.BoolVar(&f.yes, "yes", false, "with --repair: don't ask before it")
	flags.BoolVar(&f.json, "json", false, "one JSON document: the report, after a repair the second one")
	flags.DurationVar(&f.again, "again", 10*time.Second, "how long a row that differs is looked at again: the bound of the feed's lag")
	flags.IntVar(&f.limit, "limit", 1000, "how many differences end it early")
	return cmd
}

func (t *tool) runReconcile(ctx context.Context, hosts transfer.Hosts, f reconcileFlags, in io.Reader) error {
	opts := reconcile.Options{Again: f.again, Limit: f.limit}
	if f.again == 0 {
		opts.Again = -1
	}
	report, err := hosts.Reconcile(ctx, opts)
	if err != nil {
		return err
	}
	if f.repair && !report.Clean() {
		if report, err = t.repair(ctx, hosts, f, opts, report, in); err != nil {
			return err
		}
	}
	if f.json {
		err = writeJSON(t.out, report)
	} else {
		err = report.WriteText(t.out)
	}
	if err == nil && !report.Clean() {
		err = errDiffers
	}
	return err
}

// repair asks, has what differs sent again, and compares anew.
func (t *tool) repair(ctx context.Context, hosts transfer.Hosts, f reconcileFlags, opts reconcile.Options, report reconcile.Report, in io.Reader) (reconcile.Report, error) {
	if !f.yes {
		t.say(transfer.Text(report))
		if ok, err := t.confirm(in, fmt.Sprintf("have %s send these %d again? [y/N] ", report.Owner, len(report.Differences))); err != nil || !ok {
			return report, err
		}
	}
	done, err := hosts.Repair(ctx, report)
	t.say(fmt.Sprintf("%s sent %d rows again; %d of them got a higher version for it, and %d were marked as deleted", report.Owner, done.Sent, done.Raised, done.Buried))
	for _, left := range done.Left {
		t.say(fmt.Sprintf("left as it is: %s %s%s: %s", left.Kind, left.Place, left.Sub, left.Why))
	}
	if err != nil {
		return report, err
	}
	return hosts.Reconcile(ctx, opts)
}

// confirm asks a person; where there is none it says how to answer ahead.
func (t *tool) confirm(in io.Reader, question string) (bool, error) {
	if f, ok := in.(*os.File); ok && !term.IsTerminal(f.Fd()) {
		return false, errors.New("nobody is there to be asked: give --yes to repair without a question")
	}
	fmt.Fprint(t.err, question)
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	answer = strings.ToLower(strings.TrimSpace(answer))
	return answer == "y" || answer == "yes", nil
}
