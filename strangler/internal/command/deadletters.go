package command

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/platform/inbox"
)

const lettersLong = `A host hears of another's changes as events. One that it can't apply, since it can't be read, or the host's code or database
refuses it, would stop all behind it: so it is passed over and put aside with the reason, as a dead letter, in the host's
database. Until it is settled, that host lacks a write. So it refuses to take the ownership of what the event is about: a
hand-over waits for it and is given up.

What to do, in this order:
  1. strangler deadletters                 what is put aside, at which host, and why
  2. strangler deadletters show ID         one of them whole: its payload and headers
  3. mend the cause                        a bug in the host, a constraint, a disk that is full
  4. strangler deadletters redrive ID      the host handles it in its next round. An event of rows is guarded by their versions:
                                           what is newer stays. What fails again is open again, with the new reason
  5. strangler reconcile                   both sides hold the same; then hand over
Only what will never be applied is discarded, with a reason. It stays on record, and what it told is missing:
` + lettersAnew

const lettersAnew = `  a row of what moves                      strangler reconcile --repair sends it anew
  a chunk of a backfill                    strangler backfill --anew: without all its chunks, the host can't take
  anything else, as a mail                 nothing sends it anew`

const lettersWhere = `

An ID is a host and a number, as the list shows it: comments/17. The number alone will do where both hosts tell of theirs and
only one has it.` + elsewhereLong + `
It only looks at a run, so it works while another command, as a hand-over that waits, has it.`

func (t *tool) deadletters() *cobra.Command {
	cmd := t.lettersList("deadletters", "List the events that a host put aside, redrive or discard them", lettersLong+lettersWhere)
	cmd.Aliases = []string{"dlq"}
	cmd.AddCommand(t.onTarget(
		t.lettersList("list", "List what is put aside, at all hosts of a resource", `Lists the dead letters that nobody has settled, oldest first. "strangler deadletters --help" tells what they are.`+lettersWhere),
		t.lettersShow(), t.lettersRedrive(), t.lettersDiscard(),
	)...)
	return cmd
}

// letterFlags are those of all its commands.
type letterFlags struct {
	elsewhere
	json bool
}

func (f *letterFlags) flags(cmd *cobra.Command) {
	f.elsewhere.flags(cmd, false)
	cmd.Flags().Lookup("resource").Usage = "whose two hosts are asked; what they put aside of others is listed too"
	cmd.Flags().BoolVar(&f.json, "json", false, "one JSON document")
}

type listFlags struct {
	letterFlags
	all      bool
	consumer string
	limit    int
}

func (t *tool) lettersList(use, short, long string) *cobra.Command {
	var f listFlags
	cmd := &cobra.Command{
		Use: use, Short: short, Long: long,
		Example: `  strangler deadletters
  strangler deadletters list --all --json
  ADMIN_TOKEN=... strangler deadletters --monolith-admin http://10.0.0.4:8081 --comments-admin http://10.0.0.7:8081`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.limit < 1 {
				return fmt.Errorf("--limit is %d: give a number from 1", f.limit)
			}
			return t.onLetters(&f.elsewhere, func(d letterDesk) error { return t.listLetters(cmd.Context(), d, f) })
		},
	}
	f.flags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.all, "all", false, "also those that are settled: redriven and discarded")
	flags.StringVar(&f.consumer, "consumer", "", "only those of one consumer, as comments or monolith-mail")
	flags.IntVar(&f.limit, "limit", 100, "how many to show of each host")
	return cmd
}

func (t *tool) lettersShow() *cobra.Command {
	var f letterFlags
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show one whole: why, where, its headers and its payload",
		Long:    `Shows one dead letter whole. "strangler deadletters --help" tells what they are.` + lettersWhere,
		Example: `  strangler deadletters show comments/17`,
		Args:    oneLetter("show"),
		RunE: func(cmd *cobra.Command, args []string) error {
			refs, err := readLetterRefs(args)
			if err != nil {
				return err
			}
			return t.onLetters(&f.elsewhere, func(d letterDesk) error { return t.showLetter(cmd.Context(), d, refs[0], f) })
		},
	}
	f.flags(cmd)
	return cmd
}

type redriveFlags struct {
	letterFlags
	all      bool
	consumer string
	wait     time.Duration
}

const redriveLong = `Has the hosts handle dead letters again, and waits until each is settled or has failed once more; then the new reason is
shown. The exit status is 0 only if all are settled. Mend the cause first, or they fail as before; that does no harm.

Each is handled in no order with other events; one of rows is guarded by their versions, so what is newer stays. A host
is asked for a thousand at a time, with --all too, and takes each thousand whole or not at all: what it took before one
that it refused stays asked for. Asked twice it is handled once. Ctrl-C, or the end of --wait, ends the waiting only.`

func (t *tool) lettersRedrive() *cobra.Command {
	var f redriveFlags
	cmd := &cobra.Command{
		Use:   "redrive ID... | --all",
		Short: "Have the hosts handle some, or all, again",
		Long:  redriveLong + lettersWhere,
		Example: `  strangler deadletters redrive comments/17 comments/18
  strangler deadletters redrive --all
  strangler deadletters redrive --all --consumer monolith-mail --wait 2m`,
		RunE: func(cmd *cobra.Command, args []string) error {
			refs, err := f.check(args)
			if err != nil {
				return err
			}
			return t.onLetters(&f.elsewhere, func(d letterDesk) error { return t.redriveLetters(cmd.Context(), d, refs, f) })
		},
	}
	f.flags(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&f.all, "all", false, "all that are not settled, at both hosts")
	flags.StringVar(&f.consumer, "consumer", "", "with --all: only those of one consumer")
	flags.DurationVar(&f.wait, "wait", 30*time.Second, "how long to wait until they are settled; 0s only asks")
	return cmd
}

func (f redriveFlags) check(args []string) ([]letterRef, error) {
	switch {
	case f.wait < 0:
		return nil, fmt.Errorf("--wait is %s: give how long to wait, such as 30s, or 0s to ask only", f.wait)
	case f.all && len(args) > 0:
		return nil, fmt.Errorf("--all is given and %s too: give one of them", strings.Join(args, " "))
	case !f.all && len(args) == 0:
		return nil, errors.New("no ID is given: name what is to be handled again, as comments/17, or give --all")
	case !f.all && f.consumer != "":
		return nil, fmt.Errorf("--consumer is %q without --all: it narrows that only, so leave it out", f.consumer)
	}
	return readLetterRefs(args)
}

type discardFlags struct {
	letterFlags
	reason string
}

const discardLong = `Closes a dead letter for good, without handling it: it blocks no hand-over any more. It stays on record with the reason
("list --all" shows it), and can't be redriven. What the event told is missing at the host:
` + lettersAnew

func (t *tool) lettersDiscard() *cobra.Command {
	var f discardFlags
	cmd := &cobra.Command{
		Use:     "discard ID --reason WHY",
		Short:   "Close one that will never be handled; it stays on record",
		Long:    discardLong + lettersWhere,
		Example: `  strangler deadletters discard comments/17 --reason "sent by a test; there is no such post"`,
		Args:    oneLetter("discard"),
		RunE: func(cmd *cobra.Command, args []string) error {
			refs, err := readLetterRefs(args)
			if err != nil {
				return err
			}
			if strings.TrimSpace(f.reason) == "" {
				return fmt.Errorf("--reason is %q: say why nobody needs %s; it stays on record", f.reason, refs[0])
			}
			return t.onLetters(&f.elsewhere, func(d letterDesk) error { return t.discardLetter(cmd.Context(), d, refs[0], f) })
		},
	}
	f.flags(cmd)
	cmd.Flags().StringVar(&f.reason, "reason", "", "why it is not needed (required)")
	return cmd
}

func oneLetter(what string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s takes one ID, as comments/17, and %d are given: strangler deadletters lists them", what, len(args))
		}
		return nil
	}
}

func (t *tool) discardLetter(ctx context.Context, d letterDesk, ref letterRef, f discardFlags) error {
	h, err := d.find(ctx, ref)
	if err != nil {
		return err
	}
	v, err := h.client.Discard(ctx, ref.id, f.reason)
	if err != nil {
		return hinted(err)
	}
	if f.json {
		return writeJSON(t.out, hostLetter{h.name, h.ref(v.ID), v})
	}
	fmt.Fprintf(t.out, "%s is discarded and stays on record: %s\n", h.ref(v.ID), v.Note)
	t.say(fmt.Sprintf("what it told of %s is missing at %s: %s", v.Resource, h.name, d.anew(v)))
	return nil
}

// anew says how what a discarded event told comes after all. A chunk's rows would come
// with a repair, but its backfill stays incomplete, so its host can't take.
func (d letterDesk) anew(v inbox.LetterView) string {
	switch {
	case v.Resource != d.resource:
		return "nothing sends it anew"
	case v.Type == d.resource+".chunk":
		return "strangler backfill --anew sends it; without it the backfill stays incomplete and the host can't take " + d.resource
	case v.Type == "drain.marker":
		return "each hand-over publishes its own markers, so begin the next one"
	}
	return "strangler reconcile --repair has its row sent anew"
}

// hinted says where to look when an ID is none.
func hinted(err error) error {
	if errors.Is(err, inbox.ErrNoLetter) {
		return fmt.Errorf("%w (strangler deadletters list --all)", err)
	}
	return err
}
