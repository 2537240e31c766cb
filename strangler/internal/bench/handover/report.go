package handover

import (
	"math"
	"runtime"
	"slices"
	"time"

	"banyan.dev/strangler/internal/bench/figure"
	"banyan.dev/strangler/internal/ledger"
)

// Report is what was measured: the JSON document. Times are in milliseconds.
type Report struct {
	What       string  `json:"what"`
	Processors int     `json:"processors"`
	Users      int     `json:"users"`
	Posts      int     `json:"posts"`
	Rate       int     `json:"writes_per_second"` // as asked for
	ReadRate   int     `json:"reads_per_second"`
	Pause      float64 `json:"pause_seconds"`
	Seconds    float64 `json:"seconds"`

	Handovers []Handover `json:"handovers"`
	// Held is how long the gates were held, Unowned how long nobody owned.
	Held    Spread `json:"held_ms"`
	Unowned Spread `json:"unowned_ms"`
	// Wait is the latency of the writes that waited, as their clients saw it; AtGate the
	// waits alone, as the gateway's histogram has them: upper bounds.
	Wait   Spread `json:"wait_ms"`
	AtGate AtGate `json:"at_gate"`
	// Before is the latency of writes before the first hand-over, the warm-up with them;
	// Around of all writes around hand-overs, Outside of those between and after them,
	// and Reads of all reads. Failed ones are included, with how long they were tried.
	Before  Spread `json:"before_ms"`
	Around  Spread `json:"around_ms"`
	Outside Spread `json:"outside_ms"`
	Reads   Spread `json:"reads_ms"`

	Reached float64 `json:"writes_per_second_reached"` // begun, from the first to the last
	Late    float64 `json:"clients_late_p99_ms"`       // how much later than due requests began
	// Busy says that the machine did not keep up with the rate without any hand-over's
	// doing: waits are those of the queue then.
	Busy    bool `json:"busy"`
	Retries int  `json:"retries"`
	Failed  int  `json:"failed"` // writes and reads
	// Failures and Findings are the first few in words.
	Failures     []string `json:"failures,omitempty"`
	ledger.Tally          // what reading back found
	Findings     []string `json:"findings,omitempty"`
	// Differences is how many rows differed between both sides in the end.
	Differences *int          `json:"differences,omitempty"`
	Goals       []figure.Goal `json:"goals"`
}

// Handover is one of them.
type Handover struct {
	To      string  `json:"to"`
	Epoch   int64   `json:"epoch"`
	Took    float64 `json:"took_ms"` // the whole command
	Held    float64 `json:"held_ms"` // 0 is unknown: it was begun anew meanwhile
	Unowned float64 `json:"unowned_ms"`
	Waited  uint64  `json:"waited"`  // requests, as the gateway counts them
	Refused uint64  `json:"refused"` // sent away by the gateway
	Wait    Spread  `json:"wait_ms"`
	Around  Spread  `json:"around_ms"`
	Failed  int     `json:"failed"`
	// Troubles are what the hand-over got over.
	Troubles []string `json:"troubles,omitempty"`
}

// AtGate is what the gateway says of all waits.
type AtGate struct {
	Waited  uint64  `json:"waited"`
	Refused uint64  `json:"refused"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
}

// Spread is a distribution; all 0 without values.
type Spread struct {
	N   int     `json:"n"`
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// spreadOf is exact: quantiles are values that were there, by nearest rank.
func spreadOf(values []time.Duration) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	at := func(q float64) float64 {
		return milliseconds(sorted[int(math.Ceil(q*float64(len(sorted))))-1])
	}
	return Spread{N: len(sorted), P50: at(.5), P99: at(.99), Max: at(1)}
}

func milliseconds(d time.Duration) float64 { return round(float64(d.Microseconds()) / 1000) }

func round(x float64) float64 { return math.Round(x*100) / 100 }

// slowest are the n longest of the values. Who waited at a gate can't be seen from
// outside, only how many did; the slowest may flatter nobody.
func slowest(values []time.Duration, n int) []time.Duration {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[max(0, len(sorted)-n):]
}

// tooLate is by how many ms requests may begin late, before what is measured is the queue.
const tooLate = 100

// sums are what hand-overs have in common.
type sums struct{ held, unowned, wait []time.Duration }

func report(c Config, l *load, windows []window) Report {
	r := Report{
		What: "comments written through the gateway while their owner changes", Processors: runtime.NumCPU(), Users: c.Users,
		Rate: c.Rate, ReadRate: c.Reads, Pause: c.Pause.Seconds(), Failures: l.failures,
	}
	byWindow, before, around, outside := split(l.samples, windows)
	var all sums
	for i, w := range windows {
		r.Handovers = append(r.Handovers, handoverOf(w, byWindow[i], &all))
		r.AtGate.Waited += w.moved.Waited
		r.AtGate.Refused += w.moved.Refused
		r.AtGate.P50, r.AtGate.P99 = w.moved.P50, w.moved.P99 // since the gateway began
	}
	r.Held, r.Unowned, r.Wait, r.Around = spreadOf(all.held), spreadOf(all.unowned), spreadOf(all.wait), spreadOf(latencies(around))
	r.Before, r.Outside = spreadOf(latencies(before)), spreadOf(latencies(outside))
	r.all(l.samples)
	r.Busy = r.Late > tooLate || r.Before.P99 > mostWait
	return r
}

// all sums what does not depend on when a request was.
func (r *Report) all(samples []sample) {
	var late, reads []time.Duration
	var first, last time.Time
	writes := 0
	for _, s := range samples {
		r.Retries += max(0, s.retries)
		late = append(late, s.late)
		if s.failed {
			r.Failed++
		}
		if !s.write {
			reads = append(reads, s.latency())
			continue
		}
		writes++
		begun := s.due.Add(s.late)
		if first.IsZero() || begun.Before(first) {
			first = begun
		}
		if begun.After(last) {
			last = begun
		}
	}
	r.Reads, r.Late = spreadOf(reads), spreadOf(late).P99
	if took := last.Sub(first).Seconds(); took > 0 {
		r.Reached = round(float64(writes) / took)
	}
}

// split finds the hand-overs that each write was around; one may meet several.
func split(samples []sample, windows []window) (byWindow [][]sample, before, around, outside []sample) {
	byWindow = make([][]sample, len(windows))
	for _, s := range samples {
		if !s.write {
			continue
		}
		met := false
		for i, w := range windows {
			if w.has(s) {
				met = true
				byWindow[i] = append(byWindow[i], s)
			}
		}
		switch {
		case met:
			around = append(around, s)
		case len(windows) > 0 && s.done.Before(windows[0].began):
			before = append(before, s)
		default:
			outside = append(outside, s)
		}
	}
	return byWindow, before, around, outside
}

func handoverOf(w window, writes []sample, all *sums) Handover {
	around := latencies(writes)
	waited := slowest(around, int(w.moved.Waited))
	if w.moved.Held > 0 {
		all.held = append(all.held, w.moved.Held)
	}
	if w.moved.Unowned > 0 {
		all.unowned = append(all.unowned, w.moved.Unowned)
	}
	all.wait = append(all.wait, waited...)
	h := Handover{
		To: w.to, Epoch: w.moved.Epoch, Took: milliseconds(w.ended.Sub(w.began)), Held: milliseconds(w.moved.Held), Unowned: milliseconds(w.moved.Unowned),
		Waited: w.moved.Waited, Refused: w.moved.Refused, Wait: spreadOf(waited), Around: spreadOf(around), Troubles: w.moved.Troubles,
	}
	for _, s := range writes {
		if s.failed {
			h.Failed++
		}
	}
	return h
}

func latencies(samples []sample) []time.Duration {
	var all []time.Duration
	for _, s := range samples {
		all = append(all, s.latency())
	}
	return all
}
