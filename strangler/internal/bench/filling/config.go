package filling

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
)

// Config says how much to measure, and on what.
type Config struct {
	// URL is where users come in. Required; safe for concurrent use.
	URL func() string
	// Fill has the owner send all its rows, and from the start again when it has, until
	// ctx ends; then it lets the backfill rest, and returns nil. It aims at rate rows a
	// second, 0 is as fast as it goes, and calls sent now and then with how many rows
	// that were since it began. Required.
	Fill func(ctx context.Context, rate int, sent func(rows int64)) error
	// Settle waits until the follower has applied what was sent. Required.
	Settle func(ctx context.Context) error
	// Rates are the backfill's paces, in rows a second; 0 is as fast as it goes.
	Rates []int
	// Rounds is how often each pace has its turn, a quiet one before it.
	Rounds int
	// Window is how long a turn is.
	Window time.Duration
	// Users is how many people there are, Requests how many requests come a second, of
	// all of them.
	Users    int
	Requests float64
	// Say hears what happens. Required.
	Say func(string)
	// Out is where the table or the JSON goes. Required.
	Out io.Writer
	// JSON writes one JSON document instead of the table.
	JSON bool
}

// Defaults are what the command measures when nothing else is asked for.
func Defaults() Config {
	return Config{Rates: []int{0, 10000, 5000, 2000}, Rounds: 3, Window: 20 * time.Second, Users: 50, Requests: 50}
}

// Validate names the flag that is wrong, and the mend.
func (c Config) Validate() error {
	switch {
	case len(c.Rates) == 0 || slices.Min(c.Rates) < 0:
		return fmt.Errorf("--rates is %v: give rows a second, as 0,5000,2000; 0 is as fast as it goes", c.Rates)
	case c.Rounds < 1 || c.Rounds > 100:
		return fmt.Errorf("--rounds is %d: give a number from 1 to 100", c.Rounds)
	case c.Window < 100*time.Millisecond || c.Window > time.Hour:
		return fmt.Errorf("--window is %s: give a duration from 100ms to 1h", c.Window)
	case c.Users < 1 || c.Users > 1000:
		return fmt.Errorf("--users is %d: give a number from 1 to 1000", c.Users)
	case c.Requests < 1 || c.Requests > 2000:
		return fmt.Errorf("--requests is %g: give a number of requests a second from 1 to 2000", c.Requests)
	}
	return nil
}

func (c Config) validate() error {
	if c.URL == nil || c.Fill == nil || c.Settle == nil || c.Say == nil || c.Out == nil {
		return errors.New("bench: URL, Fill, Settle, Say and Out are required")
	}
	return c.Validate()
}
