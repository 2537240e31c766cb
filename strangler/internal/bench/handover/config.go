package handover

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Config says how much to measure, and on what.
type Config struct {
	// URL is where users come in, without a slash at its end. Required.
	URL string
	// Sides are who may own comments; the first hand-over is to the first. Required.
	Sides [2]string
	// Move makes a side the owner. Required.
	Move func(ctx context.Context, to string) (Moved, error)
	// Compare counts the rows that differ between both sides, when all is over; nil
	// leaves that out.
	Compare func(ctx context.Context) (int, error)
	// Rounds is how often comments go there and back.
	Rounds int
	// Rate is how many comments are written a second, Reads how many are read.
	Rate, Reads int
	// Pause is the time before each hand-over and after the last one. What is written
	// before the first one is counted apart: it is to warm up.
	Pause time.Duration
	// Users is how many people write, each with an account and a cookie jar, and each one
	// thing at a time; they share the blog's published posts. More should be there than
	// requests wait at one time.
	Users int
	// Deadline is how long one request may take to settle, with what is tried again.
	Deadline time.Duration
	// Say hears what happens. Required.
	Say func(string)
	// Out is where the table or the JSON goes. Required.
	Out io.Writer
	// JSON writes one JSON document instead of the table.
	JSON bool
}

// Moved is what is known of one hand-over from within.
type Moved struct {
	Epoch int64
	// Held is how long the gates were held, Unowned how long nobody owned; 0 is unknown.
	Held, Unowned time.Duration
	// Waited counts requests that waited at the gates, Refused those that were sent away.
	Waited, Refused uint64
	// P50 and P99 are upper bounds of the waits at the gates since the gateway began, in
	// milliseconds.
	P50, P99 float64
	// Troubles are what went wrong on the way, in words.
	Troubles []string
}

// Defaults are what the command measures when nothing else is asked for.
func Defaults() Config {
	return Config{Rounds: 10, Rate: 200, Reads: 20, Pause: 2 * time.Second, Users: 100, Deadline: 10 * time.Second}
}

// Validate names the flag that is wrong, and the mend.
func (c Config) Validate() error {
	switch {
	case c.Rounds < 1 || c.Rounds > 1000:
		return fmt.Errorf("--rounds is %d: give a number from 1 to 1000", c.Rounds)
	case c.Rate < 1 || c.Rate > 4000:
		return fmt.Errorf("--rate is %d: give a number of writes a second from 1 to 4000, below what the gateway lets one address ask", c.Rate)
	case c.Reads < 0 || c.Reads > 500:
		return fmt.Errorf("--reads is %d: give a number of reads a second from 0 to 500", c.Reads)
	case c.Pause < 100*time.Millisecond || c.Pause > time.Hour:
		return fmt.Errorf("--pause is %s: give a duration from 100ms to 1h", c.Pause)
	case c.Users < 1 || c.Users > 1000:
		return fmt.Errorf("--users is %d: give a number from 1 to 1000", c.Users)
	case c.Deadline < time.Second:
		return fmt.Errorf("--deadline is %s: give a duration from 1s", c.Deadline)
	}
	return nil
}

func (c Config) validate() error {
	if c.URL == "" || c.Sides[0] == "" || c.Sides[1] == "" || c.Move == nil || c.Say == nil || c.Out == nil {
		return errors.New("bench: URL, Sides, Move, Say and Out are required")
	}
	return c.Validate()
}
