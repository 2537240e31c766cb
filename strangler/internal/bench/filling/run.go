package filling

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"banyan.dev/strangler/internal/traffic"
)

// checkWithin bounds the reading back of everything that users wrote.
const checkWithin = 5 * time.Minute

// Run measures and writes the table. It leaves what users wrote in the blog, and nothing
// else.
func Run(ctx context.Context, c Config) error {
	if err := c.validate(); err != nil {
		return err
	}
	machine := loadAverage()
	load, err := traffic.New(traffic.Config{BaseURL: c.URL, Users: c.Users, Rate: c.Requests, Seed: 1})
	if err != nil {
		return err
	}
	c.Say(fmt.Sprintf("signing %d users up", c.Users))
	working, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- load.Run(working) }()
	select {
	case err := <-ended:
		stop()
		return err
	case <-load.Ready():
	}
	turns, err := c.turns(ctx, load)
	stop()
	if err := errors.Join(err, <-ended); err != nil {
		return err
	}
	c.Say("reading everything back")
	within, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	found, err := load.Check(within)
	if err != nil {
		return fmt.Errorf("read everything back: %w", err)
	}
	r := report(c, turns)
	r.LoadAverage, r.Tally = machine, found.Tally
	if !found.OK() {
		r.Findings = found.Explain(shownFailures)
	}
	r.Goals = goals(r)
	return r.write(c.Out, c.JSON)
}

// loadAverage is of the last minute, the system's own words; "" where it has none.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(text), " ")
	return first
}

// turn is one window without a backfill, and the one with it right after.
type turn struct {
	rate          int
	quiet, beside traffic.Window
	rows          float64 // a second
}

// turns gives each pace its turn, round after round. One turn that nobody looks at comes
// first: in it all is new, from connections to caches.
func (c Config) turns(ctx context.Context, load *traffic.Load) (turns []turn, err error) {
	c.Say("warming up for " + c.Window.String())
	if err := sleep(ctx, c.Window); err != nil {
		return nil, err
	}
	for n := range c.Rounds {
		for _, rate := range c.Rates {
			t, err := c.turn(ctx, load, rate)
			if err != nil {
				return nil, fmt.Errorf("round %d, %s: %w", n+1, pace(rate), err)
			}
			c.Say(fmt.Sprintf("round %d of %d, %s: %.0f rows/s; p99 %.1f ms, without %.1f ms", n+1, c.Rounds, pace(rate), t.rows, milliseconds(t.beside.P99), milliseconds(t.quiet.P99)))
			turns = append(turns, t)
		}
	}
	return turns, nil
}

func (c Config) turn(ctx context.Context, load *traffic.Load, rate int) (turn, error) {
	t := turn{rate: rate}
	load.Begin("quiet")
	if err := sleep(ctx, c.Window); err != nil {
		return t, err
	}
	t.quiet = load.End()
	filling, rest := context.WithCancel(ctx)
	defer rest()
	m, filled := newMeter(time.Now), make(chan error, 1)
	go func() { filled <- c.Fill(filling, rate, m.sent) }()
	select { // the window is of a backfill that is under way
	case err := <-filled:
		return t, early(err)
	case <-m.began:
	case <-ctx.Done():
		return t, errors.Join(ctx.Err(), <-filled)
	}
	m.reset()
	load.Begin("beside")
	select {
	case err := <-filled:
		return t, early(err)
	case <-time.After(c.Window):
	case <-ctx.Done():
		return t, errors.Join(ctx.Err(), <-filled)
	}
	t.rows = m.perSecond()
	t.beside = load.End()
	rest()
	if err := <-filled; err != nil {
		return t, fmt.Errorf("the backfill: %w", err)
	}
	if err := c.Settle(ctx); err != nil {
		return t, fmt.Errorf("wait for the follower: %w", err)
	}
	return t, nil
}

// early is a backfill that has ended before it was to.
func early(err error) error {
	if err == nil {
		return errors.New("the backfill ended by itself")
	}
	return fmt.Errorf("the backfill: %w", err)
}

func pace(rate int) string {
	if rate == 0 {
		return "as fast as it goes"
	}
	return fmt.Sprintf("at %d rows/s", rate)
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
