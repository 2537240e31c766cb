package inbox_test

import (
	"fmt"
	"testing"
	"time"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/inbox"
)

// BenchmarkApplied measures events applied each second, from Kafka into PostgreSQL,
// with inbox rows, positions and the handler's own rows; a tenth of what comes is
// repeated. One member, six partitions, everything on one machine.
//
//	go test ./inbox -run '^$' -bench Applied -benchtime 100000x
func BenchmarkApplied(b *testing.B) {
	for _, kind := range []struct {
		name   string
		change func(*inbox.Config)
	}{
		{"state", func(c *inbox.Config) { c.Handler = rows{} }},
		{"changes", func(c *inbox.Config) { c.Handler, c.Kind = callsAtOnce{}, inbox.Changes }},
		{"changes-each", func(c *inbox.Config) { c.Handler, c.Kind = calls, inbox.Changes }},
	} {
		b.Run(kind.name, func(b *testing.B) {
			w := newWorld(b, 6)
			var messages []broker.Message
			for i := range b.N {
				m := w.event(fmt.Sprintf("aggregate-%d", i%(b.N/4+1)), int64(i/(b.N/4+1))+1)
				messages = append(messages, m)
				if i%10 == 0 {
					messages = append(messages, m)
				}
			}
			w.publish(messages...)
			cfg := w.config(nil)
			kind.change(&cfg)
			b.ResetTimer()
			start := time.Now()
			w.start(w.inbox(cfg))
			for w.number(`SELECT coalesce(sum(next_offset), 0) FROM inbox_positions`) < len(messages) {
				time.Sleep(often)
			}
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "events/s")
			b.StopTimer()
			if n := w.number(`SELECT count(*) FROM inbox_events`); n != b.N {
				b.Fatalf("%d inbox rows for %d events", n, b.N)
			}
		})
	}
}
