package outboxes

import (
	"runtime"
	"time"

	"banyan.dev/strangler/internal/bench/figure"
)

// Report is what was measured: the JSON document.
type Report struct {
	What       string        `json:"what"`
	Servers    string        `json:"servers"`
	Processors int           `json:"processors"`
	Rounds     int           `json:"rounds"`
	Rate       int           `json:"events_per_second_written"` // for Latency
	Seconds    float64       `json:"seconds_per_round"`
	Backlog    int           `json:"backlog"` // for Drain
	LeftOut    []string      `json:"left_out,omitempty"`
	Latency    []Latency     `json:"latency,omitempty"`
	Drain      []Drain       `json:"drain,omitempty"`
	Idle       []Idle        `json:"idle,omitempty"`
	Inbox      *Inbox        `json:"inbox,omitempty"`
	Goals      []figure.Goal `json:"goals,omitempty"`
}

// Latency is from the return of a commit to the event's arrival at a consumer, at a
// fixed rate. All are medians of the rounds.
type Latency struct {
	Contender string    `json:"contender"`
	Version   string    `json:"version,omitempty"`
	P50       float64   `json:"p50_ms"`
	P90       float64   `json:"p90_ms"`
	P99       float64   `json:"p99_ms"`
	Max       float64   `json:"max_ms"`
	P50s      []float64 `json:"p50s_ms"` // one per round
	P99s      []float64 `json:"p99s_ms"` // one per round
	// Late is the percentage of events that were written more than 10 ms after their
	// time, in all rounds: with more than a few, the rate was not kept.
	Late float64 `json:"late_percent"`
	// CPU is the seconds of processor time that the relay took for 100,000 events.
	CPU float64 `json:"cpu_seconds_per_100k"`
	// OfOutbox are the ratios to the outbox's p50 and p99; 0 where it is left out.
	P50OfOutbox float64 `json:"p50_of_outbox,omitempty"`
	P99OfOutbox float64 `json:"p99_of_outbox,omitempty"`
}

// Drain is how fast one relay publishes a backlog.
type Drain struct {
	Contender       string    `json:"contender"`
	EventsPerSecond float64   `json:"events_per_second"` // the median of the rounds
	Rates           []float64 `json:"rates"`             // one per round
	// CPU and Database are seconds of processor time for 100,000 events, of the relay
	// and of PostgreSQL; of one that was given it is not known, and 0.
	CPU      float64 `json:"cpu_seconds_per_100k"`
	Database float64 `json:"database_cpu_seconds_per_100k"`
	OfOutbox float64 `json:"of_outbox,omitempty"`
}

// Idle is what waiting for events costs, in percent of one processor.
type Idle struct {
	Contender string  `json:"contender"`
	CPU       float64 `json:"cpu_percent"`
	Database  float64 `json:"database_cpu_percent"`
}

// Inbox is how fast events are applied, each once, with inbox rows and positions.
type Inbox struct {
	Events          int       `json:"events"`
	Messages        int       `json:"messages"` // with the repetitions
	EventsPerSecond float64   `json:"events_per_second"`
	Rates           []float64 `json:"rates"`
	CPU             float64   `json:"cpu_seconds_per_100k"`
	Database        float64   `json:"database_cpu_seconds_per_100k"`
}

func (s *stage) report() Report {
	r := Report{
		What:    "a row and an event in one transaction, from its commit to Kafka",
		Servers: s.servers.config.servers(), Processors: runtime.NumCPU(),
		Rounds: s.Rounds, Rate: s.Rate, Seconds: s.Duration.Seconds(), Backlog: s.Backlog, LeftOut: s.leftOut,
	}
	for _, c := range s.contenders {
		if len(c.latency) > 0 {
			r.Latency = append(r.Latency, c.latencies(s.outbox()))
			r.Idle = append(r.Idle, c.idles(s.idle()))
		}
		if len(c.drain) > 0 {
			r.Drain = append(r.Drain, c.drains(s.outbox()))
		}
	}
	if len(s.applied) > 0 {
		r.Inbox = inboxOf(s.applied)
	}
	r.Goals = goals(r)
	return r
}

// outbox is this repository's, or one that did nothing.
func (s *stage) outbox() *contender {
	for _, c := range s.contenders {
		if c.name == Outbox {
			return c
		}
	}
	return &contender{}
}

// each is a figure of each round.
func each(of []answer, f func(answer) float64) (figures []float64) {
	for _, a := range of {
		figures = append(figures, f(a))
	}
	return figures
}

func middle(of []answer, f func(answer) float64) float64 { return figure.Median(each(of, f)) }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func p50(a answer) float64 { return milliseconds(a.Latency.P50) }
func p99(a answer) float64 { return milliseconds(a.Latency.P99) }

func (c *contender) latencies(outbox *contender) Latency {
	l := Latency{
		Contender: c.name, Version: c.version,
		P50: middle(c.latency, p50), P99: middle(c.latency, p99), P50s: each(c.latency, p50), P99s: each(c.latency, p99),
		P90: middle(c.latency, func(a answer) float64 { return milliseconds(a.Latency.P90) }),
		Max: middle(c.latency, func(a answer) float64 { return milliseconds(a.Latency.Max) }),
		CPU: middle(c.latency, func(a answer) float64 { return perHundredThousand(a.Worked.Seconds(), a.Latency.Events) }),
	}
	events, late := 0, 0
	for _, a := range c.latency {
		events, late = events+a.Latency.Events, late+a.Latency.Late
	}
	l.Late = 100 * float64(late) / float64(events)
	l.P50OfOutbox, l.P99OfOutbox = figure.Ratio(l.P50s, each(outbox.latency, p50)), figure.Ratio(l.P99s, each(outbox.latency, p99))
	return l
}

func drained(a answer) float64 { return a.Drain.PerSecond() }

func (c *contender) drains(outbox *contender) Drain {
	rates := each(c.drain, drained)
	return Drain{
		Contender: c.name, EventsPerSecond: figure.Median(rates), Rates: rates,
		CPU:      middle(c.drain, func(a answer) float64 { return perHundredThousand(a.Worked.Seconds(), a.Drain.Events) }),
		Database: middle(c.drain, func(a answer) float64 { return perHundredThousand(a.database, a.Drain.Events) }),
		OfOutbox: figure.Ratio(rates, each(outbox.drain, drained)),
	}
}

func (c *contender) idles(d time.Duration) Idle {
	return Idle{
		Contender: c.name,
		CPU:       middle(c.idle, func(a answer) float64 { return 100 * a.Worked.Seconds() / d.Seconds() }),
		Database:  middle(c.idle, func(a answer) float64 { return 100 * a.database / d.Seconds() }),
	}
}

func inboxOf(applied []answer) *Inbox {
	rates := each(applied, func(a answer) float64 { return a.Applied.PerSecond() })
	return &Inbox{
		Events: applied[0].Applied.Events, Messages: applied[0].Applied.Messages, EventsPerSecond: figure.Median(rates), Rates: rates,
		CPU:      middle(applied, func(a answer) float64 { return perHundredThousand(a.Worked.Seconds(), a.Applied.Events) }),
		Database: middle(applied, func(a answer) float64 { return perHundredThousand(a.database, a.Applied.Events) }),
	}
}

func perHundredThousand(seconds float64, events int) float64 {
	return seconds * 100_000 / float64(events)
}
