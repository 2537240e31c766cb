package filling

import (
	"math"
	"runtime"
	"slices"
	"time"

	"banyan.dev/strangler/internal/bench/figure"
	"banyan.dev/strangler/internal/ledger"
	"banyan.dev/strangler/internal/traffic"
)

// Report is what was measured: the JSON document. Times are in milliseconds.
type Report struct {
	What       string `json:"what"`
	Processors int    `json:"processors"`
	// LoadAverage is the machine's of the last minute when the measuring began, with what
	// bringing the blog up was; "" is unknown.
	LoadAverage string  `json:"load_average,omitempty"`
	Users       int     `json:"users"`
	Requests    float64 `json:"requests_per_second"`
	Window      float64 `json:"window_seconds"`
	Rounds      int     `json:"rounds"`
	Paces       []Pace  `json:"paces"`
	Turns       []Turn  `json:"turns"`

	Failed       int      `json:"failed"`
	SignedOut    int      `json:"signed_out"`
	Failures     []string `json:"failures,omitempty"` // the first few, in words
	ledger.Tally          // what reading back found
	Findings     string   `json:"findings,omitempty"`

	Goals []figure.Goal `json:"goals"`
}

// Pace is the sum of a pace's turns: medians.
type Pace struct {
	Rate int     `json:"rate"` // rows a second that were asked for; 0 is as fast as it goes
	Rows float64 `json:"rows_per_second"`
	// Quiet is without the backfill, right before; Beside is with it.
	Quiet  Latency `json:"quiet_ms"`
	Beside Latency `json:"beside_ms"`
	// P50 and P99 are how many times longer requests took beside the backfill: the median
	// of the rounds' own ratios, which a slow moment of the machine leaves alone.
	P50 float64 `json:"times_p50"`
	P99 float64 `json:"times_p99"`
}

// Turn is one window with the backfill, and the one before it.
type Turn struct {
	Rate   int     `json:"rate"`
	Rows   float64 `json:"rows_per_second"`
	Quiet  Latency `json:"quiet_ms"`
	Beside Latency `json:"beside_ms"`
}

// Latency is of all requests of a window, each from when it was due.
type Latency struct {
	Requests int     `json:"requests"`
	P50      float64 `json:"p50"`
	P99      float64 `json:"p99"`
	Max      float64 `json:"max"`
}

func latencyOf(w traffic.Window) Latency {
	return Latency{Requests: w.Requests, P50: milliseconds(w.P50), P99: milliseconds(w.P99), Max: milliseconds(w.Max)}
}

func milliseconds(d time.Duration) float64 { return round(float64(d.Microseconds()) / 1000) }

func round(x float64) float64 { return math.Round(x*100) / 100 }

// shownFailures is how many are told in words.
const shownFailures = 5

func report(c Config, turns []turn) Report {
	r := Report{
		What: "what users do, without and with a backfill beside them", Processors: runtime.NumCPU(),
		Users: c.Users, Requests: c.Requests, Window: c.Window.Seconds(), Rounds: c.Rounds,
	}
	for _, t := range turns {
		r.Turns = append(r.Turns, Turn{Rate: t.rate, Rows: round(t.rows), Quiet: latencyOf(t.quiet), Beside: latencyOf(t.beside)})
		for _, w := range []traffic.Window{t.quiet, t.beside} {
			r.Failed += w.Failed
			r.SignedOut += w.SignedOut
			r.Failures = append(r.Failures, w.Failures...)
		}
	}
	r.Failures = r.Failures[:min(len(r.Failures), shownFailures)]
	for i, rate := range c.Rates {
		if slices.Index(c.Rates, rate) == i { // each pace once
			r.Paces = append(r.Paces, paceOf(rate, r.Turns))
		}
	}
	return r
}

func paceOf(rate int, turns []Turn) Pace {
	turns = slices.DeleteFunc(slices.Clone(turns), func(t Turn) bool { return t.Rate != rate })
	of := func(value func(Turn) float64) (all []float64) {
		for _, t := range turns {
			all = append(all, value(t))
		}
		return all
	}
	median := func(side func(Turn) Latency) Latency {
		return Latency{
			Requests: int(figure.Median(of(func(t Turn) float64 { return float64(side(t).Requests) }))),
			P50:      figure.Median(of(func(t Turn) float64 { return side(t).P50 })),
			P99:      figure.Median(of(func(t Turn) float64 { return side(t).P99 })),
			Max:      figure.Median(of(func(t Turn) float64 { return side(t).Max })),
		}
	}
	times := func(value func(Latency) float64) float64 {
		return round(figure.Ratio(of(func(t Turn) float64 { return value(t.Beside) }), of(func(t Turn) float64 { return value(t.Quiet) })))
	}
	return Pace{
		Rate: rate, Rows: round(figure.Median(of(func(t Turn) float64 { return t.Rows }))),
		Quiet: median(func(t Turn) Latency { return t.Quiet }), Beside: median(func(t Turn) Latency { return t.Beside }),
		P50: times(func(l Latency) float64 { return l.P50 }), P99: times(func(l Latency) float64 { return l.P99 }),
	}
}

// The goals: so many rows a second, and latencies less than doubled.
const (
	wantRows  = 20_000
	wantTimes = 2
)

func goals(r Report) []figure.Goal {
	var all []figure.Goal
	for _, p := range r.Paces {
		if p.Rate == 0 {
			all = append(all, figure.AtLeast("rows/s as fast as it goes, with users", wantRows, p.Rows).AsAim())
		}
		all = append(all, figure.AtMost("times the p99 without it, "+pace(p.Rate), wantTimes, p.P99))
	}
	return append(all, figure.AtMost("failed requests", 0, float64(r.Failed)), figure.AtMost("sign-outs", 0, float64(r.SignedOut)),
		figure.AtMost("lost writes", 0, float64(r.Lost)), figure.AtMost("writes that are there twice", 0, float64(r.Duplicated)))
}
