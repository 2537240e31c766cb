package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"banyan.dev/platform/backfill"
	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/transfer"
)

type backfillFlags struct {
	elsewhere
	rate                      int
	anew, pause, status, json bool
	within                    time.Duration
}

const backfillLong = `Has the owner of a resource send all its rows to who follows, through its outbox and the same topic as live changes, and waits
until the follower has applied every chunk. What is changed meanwhile has an event of its own with a newer version, which wins.

One that was cut off goes on where its last page left: the owner keeps the place, whoever asks. Ctrl-C only ends the waiting;
--pause lets it rest. One that is done stays done; --anew begins another from the start, which does no harm.` + elsewhereLong

func (t *tool) backfill() *cobra.Command {
	var f backfillFlags
	cmd := &cobra.Command{
		Use:   "backfill",
		Short: "Send what a follower lacks of what was there before events were",
		Long:  backfillLong,
		Example: `  strangler backfill
  strangler backfill --anew --rate 2000
  ADMIN_TOKEN=... strangler backfill --status --monolith-admin http://10.0.0.4:8081 --comments-admin http://10.0.0.7:8081`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.pause && (f.anew || f.status) || f.anew && f.status {
				return errors.New("give one of --anew, --pause and --status")
			}
			if f.rate < 0 {
				return fmt.Errorf("--rate is %d: give rows a second, or 0 for as fast as it goes", f.rate)
			}
			return t.onHosts(&f.elsewhere, func(hosts transfer.Hosts, _ *deployment.Run) error {
				return t.runBackfill(cmd.Context(), hosts, f)
			})
		},
	}
	f.flags(cmd, false)
	flags := cmd.Flags()
	flags.IntVar(&f.rate, "rate", 0, "rows a second to aim at; 0 is as fast as it goes")
	flags.BoolVar(&f.anew, "anew", false, "begin from the start, also when one is done or under way")
	flags.BoolVar(&f.pause, "pause", false, "let it rest between two pages")
	flags.BoolVar(&f.status, "status", false, "show how far it has come")
	flags.BoolVar(&f.json, "json", false, "one JSON document")
	flags.DurationVar(&f.within, "within", time.Hour, "how long to wait for it")
	return cmd
}

func (t *tool) runBackfill(ctx context.Context, hosts transfer.Hosts, f backfillFlags) error {
	ctx, cancel := context.WithTimeout(ctx, f.within)
	defer cancel()
	var status backfill.Status
	var err error
	if f.pause || f.status {
		status, err = t.askBackfill(ctx, hosts, f.pause)
	} else {
		status, err = t.fillUp(ctx, hosts, f)
	}
	if err != nil {
		return err
	}
	if f.json {
		return writeJSON(t.out, status)
	}
	fmt.Fprintln(t.out, filled(status))
	return nil
}

func (t *tool) askBackfill(ctx context.Context, hosts transfer.Hosts, pause bool) (backfill.Status, error) {
	owner, _, err := hosts.Owner(ctx)
	if err != nil {
		return backfill.Status{}, err
	}
	client := hosts.Filler(owner)
	defer client.Close()
	if pause {
		return client.Pause(ctx)
	}
	return client.Status(ctx)
}

// sayEvery is how often a wait is told of.
const sayEvery = 2 * time.Second

func (t *tool) fillUp(ctx context.Context, hosts transfer.Hosts, f backfillFlags) (backfill.Status, error) {
	order := backfill.Order{Rate: f.rate}
	if f.anew {
		run, err := uuid.NewV7()
		if err != nil {
			return backfill.Status{}, fmt.Errorf("name a backfill: %w", err)
		}
		order.Run = run.String()
	}
	var said time.Time
	return hosts.Backfill(ctx, order, func(s backfill.Status) {
		if time.Since(said) >= sayEvery {
			said = time.Now()
			t.say(filled(s))
		}
	})
}

// filled is how far a backfill has come, in words.
func filled(s backfill.Status) string {
	text := fmt.Sprintf("%s: %s, %d rows, %.0f a second", s.Resource, s.State, s.Rows, s.RowsPerSecond)
	if s.Worker != "" {
		text += ", by " + s.Worker
	}
	if s.Error != "" {
		text += "; it does not get on at this moment: " + s.Error
	}
	return text
}
