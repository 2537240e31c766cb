package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// Config says what to compare and for how long.
type Config struct {
	// Start starts a monolith with the session store named, and answers when it is ready. stop ends it. Required.
	Start func(ctx context.Context, store string) (baseURL string, stop func(), err error)
	// Rounds is how often each store has its turn. 0 is 3.
	Rounds int
	// Duration is how long one turn is measured. 0 is 3s.
	Duration time.Duration
	// Concurrency is how many signed-in readers ask at once. 0 is 8.
	Concurrency int
	// Turn, if not nil, hears of each turn before it begins; the first is 1.
	Turn func(turn, of int, store string)
	// Out is where the table or the JSON goes. Required.
	Out io.Writer
	// JSON writes one JSON document instead of the table.
	JSON bool
}

func (c Config) withDefaults() Config {
	if c.Rounds == 0 {
		c.Rounds = 3
	}
	if c.Duration == 0 {
		c.Duration = 3 * time.Second
	}
	if c.Concurrency == 0 {
		c.Concurrency = 8
	}
	return c
}

func (c Config) validate() error {
	switch {
	case c.Start == nil:
		return errors.New("bench: Start is missing: give the function that starts a monolith")
	case c.Out == nil:
		return errors.New("bench: Out is missing: give the place for the table")
	case c.Rounds < 1 || c.Rounds > 1000:
		return fmt.Errorf("bench: rounds is %d: give a number from 1 to 1000", c.Rounds)
	case c.Duration < 0:
		return fmt.Errorf("bench: duration is %s: give a duration above 0, such as 3s", c.Duration)
	case c.Concurrency < 1 || c.Concurrency > 10_000:
		return fmt.Errorf("bench: concurrency is %d: give a number from 1 to 10000", c.Concurrency)
	}
	return nil
}

// Stores are the session stores that Sessions compares; the first is what the others are measured against.
func Stores() []string { return []string{"memory", "postgres", "redis"} }

// Sessions compares one signed-in read (GET /api/v1/accounts/me) over the session stores. All monoliths run at the same
// time and take turns, so that a slow moment of the machine meets each of them; the order changes with each round.
// It stops all that it started before it returns, and fails rather than report a store that failed a request.
func Sessions(ctx context.Context, config Config) error {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return err
	}
	var contenders []*contender
	for _, store := range Stores() {
		url, stop, err := config.Start(ctx, store)
		if err != nil {
			return fmt.Errorf("start a monolith with sessions in %s: %w", store, err)
		}
		defer stop()
		c := newContender(store, url, config.Concurrency)
		defer c.close()
		if err := c.signUp(ctx); err != nil {
			return fmt.Errorf("sign up the readers of sessions in %s: %w", store, err)
		}
		contenders = append(contenders, c)
	}
	for round := range config.Rounds {
		for turn := range contenders {
			c := contenders[(round+turn)%len(contenders)]
			if config.Turn != nil {
				config.Turn(round*len(contenders)+turn+1, config.Rounds*len(contenders), c.store)
			}
			if err := c.turn(ctx, config.Duration); err != nil {
				return fmt.Errorf("measure sessions in %s: %w", c.store, err)
			}
		}
	}
	return write(config, resultsOf(contenders))
}
