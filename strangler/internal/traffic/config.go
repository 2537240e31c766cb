package traffic

import (
	"fmt"
	"io"
	"log/slog"
	"time"
)

// DefaultDeadline is how long a user waits for one request to settle, retries included.
const DefaultDeadline = 10 * time.Second

// Config says who comes, how often, and where to.
type Config struct {
	// BaseURL is asked before each attempt, so users may be sent to another address while they are at work.
	// Required; safe for concurrent use.
	BaseURL func() string
	// Users is how many people there are, each with an account and a cookie jar of their own. Required, 1 to 10,000.
	Users int
	// Rate is the number of requests per second, independent of how fast the blog answers (an open loop).
	// 0 is as fast as possible: every user starts the next thing when the last has ended (a closed loop).
	Rate float64
	// Seed makes the users' choices repeatable, as far as the blog's answers are.
	Seed int64
	// Logger hears of sign-outs and failures; nil is silence.
	Logger *slog.Logger
	// Deadline is how long one request may take to settle, retries included. 0 is DefaultDeadline.
	Deadline time.Duration
}

func (c Config) withDefaults() Config {
	if c.Deadline == 0 {
		c.Deadline = DefaultDeadline
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.BaseURL == nil:
		return fmt.Errorf("traffic: BaseURL is missing: give the function that tells where the blog is")
	case c.Users < 1 || c.Users > 10_000:
		return fmt.Errorf("traffic: users is %d: give a number from 1 to 10000", c.Users)
	case c.Rate < 0 || c.Rate > 100_000:
		return fmt.Errorf("traffic: rate is %g requests/s: give a number from 0 (as fast as possible) to 100000", c.Rate)
	case c.Deadline < 0:
		return fmt.Errorf("traffic: deadline is %s: give a duration above 0, such as 10s", c.Deadline)
	}
	return nil
}
