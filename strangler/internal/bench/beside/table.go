package beside

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
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
	fmt.Fprintf(out, "%s: %d connections, answers of %d bytes, %d rounds of %gs each,\n%d processors shared with clients and application.\n",
		r.What, r.Connections, r.Body, r.Rounds, r.Seconds, r.Processors)
	for _, left := range r.LeftOut {
		fmt.Fprintln(out, "Left out:", left)
	}
	for _, part := range []struct {
		write func(io.Writer)
		flags uint
	}{{r.writeLoad, tabwriter.AlignRight}, {r.writePaced, tabwriter.AlignRight}, {r.writeIdle, tabwriter.AlignRight}, {r.writeRest, tabwriter.AlignRight}, {r.writeGoals, 0}} {
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', part.flags)
		part.write(w)
		if err := w.Flush(); err != nil {
			return fmt.Errorf("write the table: %w", err)
		}
	}
	return nil
}

func (r Report) writeLoad(w io.Writer) {
	fmt.Fprintln(w, "\ncontender\trequests/s\tof nginx's\tof the gateway's\tp50 ms\tp99 ms\tp99 of nginx's\tCPU s/100,000\tnext owner %\t")
	for _, l := range r.Load {
		fmt.Fprintf(w, "%s\t%.0f\t%s\t%s\t%.2f\t%.2f\t%s\t%s\t%s\t\n", l.Contender, l.RequestsPerSecond, ratio(l.ToNginx), ratio(l.ToGateway),
			l.P50, l.P99, ratio(l.P99ToNginx), ratio(l.CPU), ratio(l.Next*100))
	}
}

func (r Report) writePaced(w io.Writer) {
	if r.Rate == 0 {
		return
	}
	fmt.Fprintf(w, "\nat %d requests/s\tanswered/s\tp50 ms\tp99 ms\tp99 of nginx's\t\n", r.Rate)
	for _, l := range r.Load {
		if p := l.Paced; p != nil {
			fmt.Fprintf(w, "%s\t%.0f\t%.2f\t%.2f\t%s\t\n", l.Contender, p.RequestsPerSecond, p.P50, p.P99, ratio(p.P99ToNginx))
		}
	}
}

func ratio(x float64) string {
	if x == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", x)
}

func (r Report) writeIdle(w io.Writer) {
	if len(r.Idle) == 0 {
		return
	}
	fmt.Fprintln(w, "\nidle connections of\topened\theld\tMiB before\tMiB after\tKiB each\tleast\tmost\t")
	for _, i := range r.Idle {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.1f\t%.1f\t%.2f\t%.2f\t%.2f\t\n", i.Contender, i.Connections, i.Held,
			mib(i.Before), mib(i.After), i.Each/1024, slices.Min(i.Looks)/1024, slices.Max(i.Looks)/1024)
	}
}

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func (r Report) writeRest(w io.Writer) {
	if r.Reloads != nil {
		fmt.Fprintf(w, "\n%d reloads in %.1f s under load: %d requests, %d failed, p99 %.2f ms\n",
			r.Reloads.Reloads, r.Reloads.Seconds, r.Reloads.Requests, r.Reloads.Failed, r.Reloads.P99)
		if r.Reloads.First != "" {
			fmt.Fprintln(w, "the first failure:", r.Reloads.First)
		}
	}
	if len(r.Streams) == 0 {
		return
	}
	fmt.Fprintln(w, "\nstream\tMiB\tMiB/s\tMiB of memory before\tmore at the peak\t")
	for _, s := range r.Streams {
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.1f\t%.1f\t\n", s.Way, mib(s.Bytes), mib(s.Bytes)/s.Seconds, mib(s.Before), mib(s.Above))
	}
}

func (r Report) writeGoals(w io.Writer) {
	if len(r.Goals) == 0 {
		return
	}
	fmt.Fprintln(w, "\nthe gateway's\tgoal\tin this run")
	for _, g := range r.Goals {
		bound, verdict := "at least", "met"
		if g.Most {
			bound = "at most"
		}
		if g.Aim {
			bound = "aim:"
		}
		if !g.Met {
			verdict = "NOT met"
		}
		fmt.Fprintf(w, "%s\t%s %g\t%g\t%s\n", g.What, bound, g.Want, g.Got, verdict)
	}
}
