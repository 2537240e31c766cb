package outboxes

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// The contenders, in the order in which results are shown. The first is what the
// others are compared with; the others are those of watermill/settings.yaml.
const (
	Outbox         = "outbox"
	Watermill      = "watermill"
	WatermillLanes = "watermill-lanes"
	WatermillQueue = "watermill-queue"
)

// Names are what one may choose from.
func Names() []string { return []string{Outbox, Watermill, WatermillLanes, WatermillQueue} }

// Config says what to measure and for how long.
type Config struct {
	// Root is the repository, in which watermill is built. Required.
	Root string
	// Self is how this tool's binary is started: its path, and arguments before
	// the hidden command. Required.
	Self []string
	// Only names the contenders; none is all of Names.
	Only []string
	// Rounds is how often each contender has its turn.
	Rounds int
	// Rate is how many events a second are written while latency is measured.
	Rate int
	// Duration is how long that is; relays wait for nothing half as long. 0 leaves
	// both out.
	Duration time.Duration
	// Backlog is how many events are drained; 0 leaves that part out.
	Backlog int
	// Applied is how many events the inbox applies; 0 leaves that part out.
	Applied int
	// Postgres is the URL of a server in which databases may be made, Kafka the
	// addresses of brokers; empty ones are embedded.
	Postgres string
	Kafka    []string
	// Say hears what happens. Required.
	Say func(string)
	// Out is where the table or the JSON goes. Required.
	Out io.Writer
	// JSON writes one JSON document instead of the table.
	JSON bool
}

// Defaults are what the command measures when nothing else is asked for.
func Defaults() Config {
	return Config{Rounds: 3, Rate: 1000, Duration: 10 * time.Second, Backlog: 100_000, Applied: 100_000}
}

func (c Config) validate() error {
	switch {
	case c.Root == "" || len(c.Self) == 0 || c.Say == nil || c.Out == nil:
		return errors.New("bench: Root, Self, Say and Out are required")
	case c.Rounds < 1 || c.Rounds > 1000:
		return fmt.Errorf("--rounds is %d: give a number from 1 to 1000", c.Rounds)
	case c.Rate < 1 || c.Rate > 1_000_000:
		return fmt.Errorf("--rate is %d: give a number of events a second from 1 to 1000000", c.Rate)
	case c.Duration < 0:
		return fmt.Errorf("--duration is %s: give a duration such as 10s, or 0 to leave latency out", c.Duration)
	case c.Backlog < 0 || c.Backlog > 100_000_000:
		return fmt.Errorf("--backlog is %d: give a number up to 100000000, or 0 to leave it out", c.Backlog)
	case c.Applied < 0 || c.Applied > 10_000_000:
		return fmt.Errorf("--applied is %d: give a number up to 10000000, or 0 to leave it out", c.Applied)
	}
	for _, name := range c.Only {
		if !slices.Contains(Names(), name) {
			return fmt.Errorf("--only names %q: known are %s", name, strings.Join(Names(), ", "))
		}
	}
	return nil
}

func (c Config) wants(name string) bool { return len(c.Only) == 0 || slices.Contains(c.Only, name) }

// servers says which servers are this tool's own.
func (c Config) servers() string {
	own := func(name string, given bool) string {
		if given {
			return "given " + name
		}
		return "embedded " + name
	}
	return own("PostgreSQL", c.Postgres != "") + ", " + own("Kafka", len(c.Kafka) > 0)
}
