package handover

import (
	"fmt"

	"banyan.dev/strangler/internal/bench/figure"
)

// mostWait is what a write may wait, in ms, of 100 that wait all but one.
const mostWait = 250

// goals compares what was measured. The wait that counts is the clients' own, with the
// write itself in it; that the gates are held no longer than that is an aim.
func goals(r Report) []figure.Goal {
	found := []figure.Goal{
		figure.AtMost(fmt.Sprintf("p99 ms of the writes that waited, at %d writes/s", r.Rate), mostWait, r.Wait.P99),
		figure.AtMost("p99 ms that gates were held", mostWait, r.Held.P99).AsAim(),
		figure.AtMost("failed requests", 0, float64(r.Failed)),
		figure.AtMost("lost writes", 0, float64(r.Lost)),
		figure.AtMost("writes that are there twice", 0, float64(r.Duplicated)),
		figure.AtMost("writes that their writer did not see", 0, float64(r.NotSeen)),
	}
	if r.Differences != nil {
		found = append(found, figure.AtMost("rows that differ between both sides", 0, float64(*r.Differences)))
	}
	return found
}
