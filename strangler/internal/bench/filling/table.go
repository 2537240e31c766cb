package filling

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"banyan.dev/strangler/internal/bench/figure"
)

func (r Report) write(out io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
		return nil
	}
	fmt.Fprintf(out, "%s: %g requests/s by %d users, %d rounds of %g s without and %g s with it, by turns;\n"+
		"%d processors shared by clients, gateway, hosts, databases and Kafka; load average at the start %s.\n\n",
		r.What, r.Requests, r.Users, r.Rounds, r.Window, r.Window, r.Processors, r.machine())
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "backfill\trows/s\tp50 ms without\twith\ttimes\tp99 ms without\twith\ttimes\tmax ms with\t")
	for _, p := range r.Paces {
		fmt.Fprintf(w, "%s\t%.0f\t%.1f\t%.1f\t%.2f\t%.1f\t%.1f\t%.2f\t%.0f\t\n", pace(p.Rate), p.Rows, p.Quiet.P50, p.Beside.P50, p.P50, p.Quiet.P99, p.Beside.P99, p.P99, p.Beside.Max)
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("write the table: %w", err)
	}
	fmt.Fprintf(out, "\n%d requests failed. Read back: %s.\n", r.Failed, r.Tally)
	for _, why := range r.Failures {
		fmt.Fprintln(out, "  ", why)
	}
	if r.Findings != "" {
		fmt.Fprintln(out, r.Findings)
	}
	return figure.WriteGoals(out, "the backfill's", r.Goals)
}

func (r Report) machine() string {
	if r.LoadAverage == "" {
		return "unknown"
	}
	return r.LoadAverage
}
