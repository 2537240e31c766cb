package handover

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"banyan.dev/strangler/internal/bench/figure"
)

// shownFailures is how many of a kind the table tells; the JSON has some more.
const shownFailures = 5

func (r Report) write(out io.Writer, asJSON bool) error {
	if asJSON {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("write the results: %w", err)
		}
		return nil
	}
	fmt.Fprintf(out, "%s: %d hand-overs in %.0f s,\n%d writes/s and %d reads/s by %d users on %d posts; %d processors shared by clients, gateway, hosts, databases and Kafka.\n",
		r.What, len(r.Handovers), r.Seconds, r.Rate, r.ReadRate, r.Users, r.Posts, r.Processors)
	for _, write := range []func(io.Writer){r.writeHandovers, r.writeSum} {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		write(w)
		if err := w.Flush(); err != nil {
			return fmt.Errorf("write the table: %w", err)
		}
	}
	fmt.Fprintf(out, "\n%g writes/s begun, 99 %% of them at most %g ms late; %d attempts beyond the first; %d requests failed.\nRead back: %s.\n",
		r.Reached, r.Late, r.Retries, r.Failed, r.Tally)
	if r.Busy {
		fmt.Fprintf(out, "The machine did not keep up with %d writes/s: even before the first hand-over 99 %% took up to %g ms, or requests\nbegan up to %g ms late. What waited here waited for processors first: measure on a quiet machine, or with a lower --rate.\n",
			r.Rate, r.Before.P99, r.Late)
	}
	for i, h := range r.Handovers {
		for _, what := range h.Troubles {
			fmt.Fprintf(out, "   hand-over %d: %s\n", i+1, what)
		}
	}
	for _, some := range [][]string{r.Failures, r.Findings} {
		for _, why := range some[:min(len(some), shownFailures)] {
			fmt.Fprintln(out, "  ", why)
		}
	}
	return figure.WriteGoals(out, "the hand-over's", r.Goals)
}

func (r Report) writeHandovers(w io.Writer) {
	fmt.Fprintln(w, "\nhand-over to\tepoch\ttook ms\tgates held\tnobody owned\twaited\tp50 ms\tp99 ms\tmax ms\tall around, p99\tfailed\t")
	for _, h := range r.Handovers {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%s\t%s\t%d\t%.1f\t%.1f\t%.1f\t%.1f\t%d\t\n", h.To, h.Epoch, h.Took, known(h.Held), known(h.Unowned), h.Waited,
			h.Wait.P50, h.Wait.P99, h.Wait.Max, h.Around.P99, h.Failed)
	}
}

// known is a dash for what is not.
func known(ms float64) string {
	if ms == 0 {
		return "-"
	}
	return fmt.Sprintf("%.1f", ms)
}

func (r Report) writeSum(w io.Writer) {
	fmt.Fprintln(w, "\nin sum\tnumber\tp50 ms\tp99 ms\tmax ms\t")
	for _, line := range []struct {
		what string
		is   Spread
	}{
		{"gates held", r.Held}, {"nobody owned", r.Unowned}, {"writes that waited", r.Wait},
		{"all writes around", r.Around}, {"writes outside", r.Outside}, {"before the first", r.Before}, {"reads", r.Reads},
	} {
		fmt.Fprintf(w, "%s\t%d\t%.1f\t%.1f\t%.1f\t\n", line.what, line.is.N, line.is.P50, line.is.P99, line.is.Max)
	}
	fmt.Fprintf(w, "waits at the gateway, up to\t%d\t%g\t%g\t\t\n", r.AtGate.Waited, r.AtGate.P50, r.AtGate.P99)
}
