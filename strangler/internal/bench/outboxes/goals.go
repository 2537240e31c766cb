package outboxes

import "banyan.dev/strangler/internal/bench/figure"

// What the outbox and the inbox are meant to reach.
const (
	mostP99      = 20     // ms
	leastDrained = 15_000 // events/s
	leastApplied = 8_000  // events/s
)

// goals compares what was measured; what was left out has none. To be faster than
// watermill's queue is an aim only: that schema may lose events (settings.yaml), and
// what does not promise the same is no measure.
func goals(r Report) (found []figure.Goal) {
	for _, l := range r.Latency {
		if l.Contender == Outbox {
			found = append(found, figure.AtMost("p99 ms from commit to Kafka", mostP99, l.P99))
		} else if l.P99OfOutbox > 0 {
			found = append(found, than(l.Contender, figure.AtMost("p99, of "+l.Contender+"'s", 1, 1/l.P99OfOutbox)))
		}
	}
	for _, d := range r.Drain {
		if d.Contender == Outbox {
			found = append(found, figure.AtLeast("events/s drained", leastDrained, d.EventsPerSecond))
		} else if d.OfOutbox > 0 {
			found = append(found, than(d.Contender, figure.AtLeast("events/s drained, of "+d.Contender+"'s", 1, 1/d.OfOutbox)))
		}
	}
	if r.Inbox != nil {
		found = append(found, figure.AtLeast("events/s applied by the inbox", leastApplied, r.Inbox.EventsPerSecond))
	}
	return found
}

func than(contender string, g figure.Goal) figure.Goal {
	if contender == WatermillQueue {
		return g.AsAim()
	}
	return g
}
