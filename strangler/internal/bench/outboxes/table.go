package outboxes

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
	fmt.Fprintf(out, "%s: %s, %d rounds,\n%d processors shared by relay, database, Kafka, writers and the consumer.\n",
		r.What, r.Servers, r.Rounds, r.Processors)
	for _, left := range r.LeftOut {
		fmt.Fprintln(out, "Left out:", left)
	}
	for _, write := range []func(io.Writer){r.writeLatency, r.writeDrain, r.writeIdle, r.writeInbox} {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		write(w)
		if err := w.Flush(); err != nil {
			return fmt.Errorf("write the table: %w", err)
		}
	}
	return figure.WriteGoals(out, "this repository's", r.Goals)
}

func (r Report) writeLatency(w io.Writer) {
	if len(r.Latency) == 0 {
		return
	}
	fmt.Fprintf(w, "\nat %d events/s for %gs\tp50 ms\tp90 ms\tp99 ms\tmax ms\tp50 of the outbox's\tp99 of the outbox's\tlate %%\tCPU s/100,000\t\n", r.Rate, r.Seconds)
	for _, l := range r.Latency {
		fmt.Fprintf(w, "%s\t%.2f\t%.2f\t%.2f\t%.2f\t%s\t%s\t%.1f\t%.2f\t\n", l.Contender, l.P50, l.P90, l.P99, l.Max,
			known(l.P50OfOutbox), known(l.P99OfOutbox), l.Late, l.CPU)
	}
}

func (r Report) writeDrain(w io.Writer) {
	if len(r.Drain) == 0 {
		return
	}
	fmt.Fprintf(w, "\na backlog of %d\tevents/s\tof the outbox's\tCPU s/100,000\tthe database's\t\n", r.Backlog)
	for _, d := range r.Drain {
		fmt.Fprintf(w, "%s\t%.0f\t%s\t%.2f\t%s\t\n", d.Contender, d.EventsPerSecond, known(d.OfOutbox), d.CPU, known(d.Database))
	}
}

func (r Report) writeIdle(w io.Writer) {
	if len(r.Idle) == 0 {
		return
	}
	fmt.Fprintln(w, "\nnothing to do\t% of a processor\tthe database's\t")
	for _, i := range r.Idle {
		fmt.Fprintf(w, "%s\t%.1f\t%s\t\n", i.Contender, i.CPU, known(i.Database))
	}
}

func (r Report) writeInbox(w io.Writer) {
	if r.Inbox == nil {
		return
	}
	fmt.Fprintf(w, "\n%d events, %d messages\tevents/s\tCPU s/100,000\tthe database's\t\n", r.Inbox.Events, r.Inbox.Messages)
	fmt.Fprintf(w, "inbox\t%.0f\t%.2f\t%s\t\n", r.Inbox.EventsPerSecond, r.Inbox.CPU, known(r.Inbox.Database))
}

// known is a dash for what is not.
func known(x float64) string {
	if x == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", x)
}
