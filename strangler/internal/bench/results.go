package bench

import (
	"encoding/json"
	"fmt"
	"runtime"
	"text/tabwriter"
	"time"

	"banyan.dev/strangler/internal/bench/figure"
)

// Result is what one store reached.
type Result struct {
	Store             string    `json:"store"`
	RequestsPerSecond float64   `json:"requests_per_second"` // the median of the rounds
	Rounds            []float64 `json:"rounds"`
	Ratio             float64   `json:"ratio"` // of requests/s, to the first store's in the same rounds
	P50               float64   `json:"p50_ms"`
	P99               float64   `json:"p99_ms"`
	Requests          int64     `json:"requests"`
}

// document is the JSON that Sessions writes.
type document struct {
	What        string   `json:"what"`
	Processors  int      `json:"processors"`
	Concurrency int      `json:"concurrency"`
	Rounds      int      `json:"rounds"`
	Seconds     float64  `json:"seconds_per_round"`
	Results     []Result `json:"results"`
}

func resultsOf(contenders []*contender) []Result {
	var results []Result
	for _, c := range contenders {
		results = append(results, Result{
			Store: c.store, RequestsPerSecond: figure.Median(c.rates), Rounds: c.rates,
			Ratio: figure.Ratio(c.rates, contenders[0].rates),
			P50:   float64(c.latencies.ValueAtQuantile(50)) / 1000, P99: float64(c.latencies.ValueAtQuantile(99)) / 1000,
			Requests: c.latencies.TotalCount(),
		})
	}
	return results
}

func write(config Config, results []Result) error {
	if config.JSON {
		enc := json.NewEncoder(config.Out)
		enc.SetIndent("", "  ")
		err := enc.Encode(document{
			What:       "GET /api/v1/accounts/me, signed in, straight to the monolith",
			Processors: runtime.NumCPU(), Concurrency: config.Concurrency,
			Rounds: config.Rounds, Seconds: config.Duration.Seconds(), Results: results,
		})
		if err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
		return nil
	}
	w := tabwriter.NewWriter(config.Out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(config.Out, "One signed-in read, %d readers at once, %d rounds of %s each, %d processors shared with the readers.\n\n",
		config.Concurrency, config.Rounds, config.Duration.Round(time.Millisecond), runtime.NumCPU())
	fmt.Fprintln(w, "sessions in\trequests/s\tof memory's\tp50 ms\tp99 ms\t")
	for _, r := range results {
		fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f\t%.2f\t\n", r.Store, r.RequestsPerSecond, r.Ratio, r.P50, r.P99)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	return nil
}
