package bench

import (
	"context"
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
	// Out is where the table or the JSON goes. Required.
	Out io.Writer
	// JSON writes one JSON document instead of the table.
	JSON bool
}

// Sessions compares a signed-in read over the session stores memory, postgres and redis.
func Sessions(ctx context.Context, config Config) error { return nil }
