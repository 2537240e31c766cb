package command

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/traffic"
)

func (t *tool) load() *cobra.Command {
	var c traffic.Config
	var url string
	var duration time.Duration
	cmd := &cobra.Command{
		Use:   "load",
		Short: "Let simulated users work on what runs, and read back everything they wrote",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if duration < 0 {
				return fmt.Errorf("--duration is %s: give a duration above 0, or 0 to go on until Ctrl-C", duration)
			}
			var err error
			if c.BaseURL, err = t.baseURL(url); err != nil {
				return err
			}
			return t.runLoad(cmd.Context(), c, duration)
		},
	}
	cmd.Flags().StringVar(&url, "url", "", "the blog's address (default: of the run)")
	cmd.Flags().IntVar(&c.Users, "users", 50, "how many users there are")
	cmd.Flags().Float64Var(&c.Rate, "rate", 100, "requests per second; 0 is as fast as possible")
	cmd.Flags().Int64Var(&c.Seed, "seed", 1, "makes the users' choices repeatable")
	cmd.Flags().DurationVar(&duration, "duration", 0, "how long (default: until Ctrl-C)")
	return cmd
}

// baseURL follows the run: advance and rollback in another terminal may send users
// to another address.
func (t *tool) baseURL(url string) (func() string, error) {
	if url != "" {
		return func() string { return url }, checkURL("--url", url)
	}
	path, err := t.path()
	if err != nil {
		return nil, err
	}
	dir, err := t.dir()
	if err != nil {
		return nil, err
	}
	return deployment.FollowEntry(path, dir)
}

func (t *tool) runLoad(ctx context.Context, c traffic.Config, duration time.Duration) error {
	load, err := traffic.New(c)
	if err != nil {
		return err
	}
	if err := reach(ctx, c.BaseURL()); err != nil {
		return err
	}
	working, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- load.Run(working) }()
	select {
	case err := <-ended:
		return err
	case <-load.Ready():
	}
	t.say(fmt.Sprintf("%d users are at work at %s", c.Users, c.BaseURL()))
	load.Begin("load")
	t.watchLoad(ctx, load, duration)
	stop()
	if err := <-ended; err != nil {
		return err
	}
	return t.concludeLoad(load, load.End())
}

// watchLoad tells every few seconds how it goes, until the time is over or Ctrl-C.
func (t *tool) watchLoad(ctx context.Context, load *traffic.Load, duration time.Duration) {
	var over <-chan time.Time
	if duration > 0 {
		over = time.After(duration)
	}
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-over:
			return
		case <-tick.C:
			t.say(describeWindow(load.Live()))
		}
	}
}

func describeWindow(w traffic.Window) string {
	return fmt.Sprintf("%7d requests, %d failed, %d signed out, %d writes acknowledged, p50 %s, p99 %s",
		w.Requests, w.Failed, w.SignedOut, w.Acknowledged, w.P50.Round(100*time.Microsecond), w.P99.Round(100*time.Microsecond))
}

// concludeLoad reads everything back, in a time of its own: the command's may have
// ended by Ctrl-C, and that is when one wants to know.
func (t *tool) concludeLoad(load *traffic.Load, w traffic.Window) error {
	t.say("reading everything back")
	ctx, cancel := context.WithTimeout(context.Background(), endWithin)
	defer cancel()
	found, err := load.Check(ctx)
	if err != nil {
		return fmt.Errorf("read everything back: %w", err)
	}
	fmt.Fprintln(t.out, describeWindow(w))
	fmt.Fprintln(t.out, found.Tally)
	for _, f := range w.Failures {
		fmt.Fprintln(t.out, "failed:", f)
	}
	if !found.OK() {
		fmt.Fprintln(t.out, found.Explain(20))
	}
	if !found.OK() || w.Failed > 0 || w.SignedOut > 0 {
		return errors.New("users noticed something")
	}
	return nil
}
