package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/features/comments/store"
	"banyan.dev/platform/backfill"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
	"banyan.dev/platform/ownership/remote"
	"banyan.dev/platform/reconcile"
	"banyan.dev/services/comments/internal/config"
)

// settling brings data to where a deployment has them that begins at a later step, over
// the admin ports of both sides, before users come. While they write, `strangler
// handover` does it: that one has the gateways hold writes, and tells them who owns.
type settling struct {
	admin  [2]string // of the monolith, of this service
	within time.Duration
}

const settlingLong = `It speaks to the admin ports of both sides, with ADMIN_TOKEN. What is done already it leaves as it is.
It is for a deployment that is begun at a later step, before its users come: while people write, use "strangler handover",
which holds their requests meanwhile and tells the gateways.`

func settleCommands(environ []string, out io.Writer) []*cobra.Command {
	var s settling
	fill := &cobra.Command{
		Use: "fill", Short: "Wait until the service has what the monolith has", Args: cobra.NoArgs, Long: "Fills the follower once, from the owner's outbox.\n" + settlingLong,
		RunE: withConfig(environ, out, func(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
			return s.bounded(ctx, func(ctx context.Context) error { return s.fill(ctx, cfg, logger) })
		}),
	}
	own := &cobra.Command{
		Use: "own [SIDE]", Short: "Make the service own comments, or another side, before users come", Args: cobra.MaximumNArgs(1),
		Long: "Fills who follows, compares both sides, and moves the ownership to comments, or to monolith.\n" + settlingLong,
		RunE: func(cmd *cobra.Command, args []string) error {
			to := append(args, name)[0]
			return withConfig(environ, out, func(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
				return s.bounded(ctx, func(ctx context.Context) error { return s.own(ctx, cfg, to, logger) })
			})(cmd, nil)
		},
	}
	for _, c := range []*cobra.Command{fill, own} {
		c.Flags().StringVar(&s.admin[0], "monolith-admin", "http://monolith:8081", "the monolith's admin port; a name may stand for several replicas")
		c.Flags().StringVar(&s.admin[1], "comments-admin", "http://comments:8081", "this service's")
		c.Flags().DurationVar(&s.within, "within", 5*time.Minute, "how long it may take")
	}
	return []*cobra.Command{fill, own}
}

func (s settling) bounded(ctx context.Context, f func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.within)
	defer cancel()
	return f(ctx)
}

// sides are clients of both rows, the monolith's first.
func (s settling) sides(cfg config.Config) (both [2]*remote.Client) {
	for i, side := range []string{peer, name} {
		both[i] = remote.NewClient(remote.ClientConfig{Resource: store.Resource, Name: side, URLs: []string{s.admin[i]}, Token: cfg.AdminToken})
	}
	return both
}

// lookEvery is the pause between two looks at what takes its time.
const lookEvery = 200 * time.Millisecond

// fill brings over what the monolith had before it told of it. Where the monolith does
// not own there is nothing to bring: who owns has it all.
func (s settling) fill(ctx context.Context, cfg config.Config, logger *slog.Logger) error {
	sides := s.sides(cfg)
	defer sides[0].Close()
	defer sides[1].Close()
	row, err := sides[0].Row(ctx)
	if err != nil {
		return fmt.Errorf("fill: who owns %s: %w", store.Resource, err)
	}
	if row.State != ownership.Owner {
		logger.InfoContext(ctx, "nothing to fill: the monolith does not own", "resource", store.Resource, "monolith", row.String())
		return nil
	}
	client := backfill.NewClient(backfill.ClientConfig{Resource: store.Resource, Name: peer, URLs: []string{s.admin[0]}, Token: cfg.AdminToken})
	defer client.Close()
	status, err := client.Start(ctx, backfill.Order{})
	if err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	if status, err = client.Await(ctx, status.Run, lookEvery, func(backfill.Status) {}); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	if err := applied(ctx, sides[1], row.Epoch); err != nil {
		return err
	}
	logger.InfoContext(ctx, "filled", "resource", store.Resource, "rows", status.Rows)
	return nil
}

// applied waits until the follower could own, but for events that are on their way.
func applied(ctx context.Context, follower *remote.Client, epoch int64) error {
	for {
		err := follower.Ready(ctx, epoch)
		if err == nil || errors.Is(err, ownership.ErrNotDrained) {
			return nil
		}
		select {
		case <-time.After(lookEvery):
		case <-ctx.Done():
			return fmt.Errorf("fill: %s has not applied all of it; if its rows were discarded since, strangler backfill --anew sends them again: %w", follower.Name(), errors.Join(err, ctx.Err()))
		}
	}
}

// own makes a side the owner, whatever state it finds.
func (s settling) own(ctx context.Context, cfg config.Config, to string, logger *slog.Logger) error {
	if to != peer && to != name {
		return fmt.Errorf("own %q: give %s or %s", to, name, peer)
	}
	if err := s.fill(ctx, cfg, logger); err != nil {
		return err
	}
	if err := s.compare(ctx, cfg, to); err != nil {
		return err
	}
	sides := s.sides(cfg)
	defer sides[0].Close()
	defer sides[1].Close()
	c, err := handover.New(handover.Config{
		Resource: store.Resource, Sides: [2]handover.Side{sides[0], sides[1]}, Gateways: nobody{}, Router: nobody{}, By: cfg.Replica, Logger: logger,
	})
	if err != nil {
		return err
	}
	out, err := c.Move(ctx, to)
	for errors.Is(err, handover.ErrGaveUp) || errors.Is(err, ownership.ErrBusy) { // a broker that has just begun takes its time
		logger.WarnContext(ctx, "tried again", "error", err)
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return err
		}
		out, err = c.Move(ctx, to)
	}
	if err != nil {
		return err
	}
	logger.InfoContext(ctx, "owned", "resource", store.Resource, "owner", out.Owner, "epoch", out.Epoch)
	return nil
}

// compare refuses a new owner that lacks something.
func (s settling) compare(ctx context.Context, cfg config.Config, to string) error {
	sides := s.sides(cfg)
	defer sides[0].Close()
	defer sides[1].Close()
	var clients [2]*reconcile.Client
	owner := -1
	for i, side := range sides {
		row, err := side.Row(ctx)
		if err != nil {
			return fmt.Errorf("own: who owns %s: %w", store.Resource, err)
		}
		if row.State == ownership.Owner {
			owner = i
		}
		clients[i] = reconcile.NewClient(reconcile.ClientConfig{Resource: store.Resource, Name: side.Name(), URLs: []string{s.admin[i]}, Token: cfg.AdminToken})
		defer clients[i].Close()
	}
	if owner < 0 || sides[owner].Name() == to {
		return nil // begun by somebody and to be ended, or done
	}
	report, err := reconcile.Compare(ctx, clients[owner], clients[1-owner], reconcile.Options{Resource: store.Resource, Owner: sides[owner].Name(), Follower: to})
	if err != nil {
		return fmt.Errorf("own: %w", err)
	}
	if !report.Clean() {
		var text strings.Builder
		_ = report.WriteText(&text) // a builder takes everything
		return fmt.Errorf("own: %s does not hold what %s holds; repair that first (strangler reconcile --repair):\n%s", to, sides[owner].Name(), text.String())
	}
	return nil
}

// nobody stands for gateways that hold nothing and are told nothing: their routes say
// already who is to own, and until then an owner that is not the one sends them on (421).
type nobody struct{}

func (nobody) Hold(context.Context, time.Duration) (handover.Hold, error) { return nobody{}, nil }
func (nobody) Settle(context.Context, time.Duration) error                { return nil }
func (nobody) Release(context.Context) error                              { return nil }
func (nobody) Route(context.Context, string, int64) error                 { return nil }
