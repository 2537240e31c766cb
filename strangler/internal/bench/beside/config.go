package beside

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"banyan.dev/strangler/internal/bench/peers"
)

// Config says what to measure and for how long.
type Config struct {
	// Root is the repository, from which the gateway is built. Required.
	Root string
	// Self is how this tool's binary is started: its path, and arguments before
	// the hidden command. Required.
	Self []string
	// Only names the contenders; none is all of peers.Names.
	Only []string
	// Rounds is how often each contender has its turn.
	Rounds int
	// Duration is how long one turn is measured.
	Duration time.Duration
	// Connections is how many clients ask at once, each over its own connection.
	Connections int
	// Rate is how many requests/s all contenders get when latencies are compared at the
	// same load; 0 leaves that part out.
	Rate int
	// Body is the length of an answer's body in bytes.
	Body int
	// Idle is how many idle connections are held; 0 leaves that part out.
	Idle int
	// Reloads is how many configurations are put in force under load; 0 leaves that
	// part out.
	Reloads int
	// Stream is how many bytes go down and up in one body; 0 leaves that part out.
	Stream int64
	// Say hears what happens. Required.
	Say func(string)
	// Out is where the table or the JSON goes. Required.
	Out io.Writer
	// JSON writes one JSON document instead of the table.
	JSON bool
}

// Defaults are what the command measures when nothing else is asked for.
func Defaults() Config {
	return Config{Rounds: 5, Duration: 3 * time.Second, Connections: 64, Rate: 10_000, Body: 1 << 10, Idle: 10_000, Reloads: 200, Stream: 1 << 30}
}

func (c Config) validate() error {
	switch {
	case c.Root == "" || len(c.Self) == 0 || c.Say == nil || c.Out == nil:
		return errors.New("bench: Root, Self, Say and Out are required")
	case c.Rounds < 1 || c.Rounds > 1000:
		return fmt.Errorf("--rounds is %d: give a number from 1 to 1000", c.Rounds)
	case c.Duration <= 0:
		return fmt.Errorf("--duration is %s: give a duration above 0, such as 3s", c.Duration)
	case c.Connections < 1 || c.Connections > 10_000:
		return fmt.Errorf("--connections is %d: give a number from 1 to 10000", c.Connections)
	case c.Rate < 0 || c.Rate > 1_000_000:
		return fmt.Errorf("--rate is %d: give a number of requests/s up to 1000000, or 0 to leave it out", c.Rate)
	case c.Body < 64 || c.Body > 8<<20:
		return fmt.Errorf("--body is %d: give a number of bytes from 64 to 8388608", c.Body)
	case c.Idle < 0 || c.Idle > 1_000_000:
		return fmt.Errorf("--idle is %d: give a number up to 1000000, or 0 to leave it out", c.Idle)
	case c.Reloads < 0 || c.Reloads > 1_000_000:
		return fmt.Errorf("--reloads is %d: give a number up to 1000000, or 0 to leave it out", c.Reloads)
	case c.Stream < 0:
		return fmt.Errorf("--stream is %d: give a number of bytes, or 0 to leave it out", c.Stream)
	}
	for _, name := range c.Only {
		if !slices.Contains(peers.Names(), name) {
			return fmt.Errorf("--only names %q: known are %s", name, strings.Join(peers.Names(), ", "))
		}
	}
	return nil
}

func (c Config) wants(name string) bool { return len(c.Only) == 0 || slices.Contains(c.Only, name) }
