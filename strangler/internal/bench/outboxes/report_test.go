package outboxes

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/outbox/outboxbench"
)

func latency(p99s ...int) (all []answer) {
	for _, ms := range p99s {
		at := time.Duration(ms) * time.Millisecond
		all = append(all, answer{Result: outboxbench.Result{
			Latency: &outboxbench.Latency{Events: 1000, P50: at / 10, P90: at / 2, P99: at, Max: 2 * at, Late: 10}, Worked: time.Second,
		}})
	}
	return all
}

func drain(rates ...int) (all []answer) {
	for _, rate := range rates {
		all = append(all, answer{database: 2, Result: outboxbench.Result{
			Drain: &outboxbench.Drain{Events: 50_000, Took: time.Duration(50_000) * time.Second / time.Duration(rate)}, Worked: time.Second,
		}})
	}
	return all
}

func idle() []answer {
	return []answer{{database: 0.5, Result: outboxbench.Result{Worked: time.Second}}}
}

func staged() *stage {
	return &stage{
		Config: Config{Rounds: 3, Rate: 1000, Duration: 10 * time.Second, Backlog: 50_000}, servers: &servers{},
		contenders: []*contender{
			{name: Outbox, latency: latency(10, 100, 15), drain: drain(20_000, 2_000, 30_000), idle: idle()},
			{name: Watermill, version: "watermill v1", latency: latency(20, 200, 15), drain: drain(10_000, 1_000, 45_000), idle: idle()},
			{name: WatermillQueue, latency: latency(5, 50, 5), drain: drain(40_000, 4_000, 60_000), idle: idle()},
		},
		applied: []answer{{database: 3, Result: outboxbench.Result{Applied: &outboxbench.Applied{Events: 10_000, Messages: 11_000, Took: 2 * time.Second}, Worked: time.Second}}},
	}
}

func TestRatiosAreOfTheSameRounds(t *testing.T) {
	r := staged().report()
	assert.InDelta(t, 15, r.Latency[0].P99, 1e-9, "the median of the rounds")
	assert.InDelta(t, 2, r.Latency[1].P99OfOutbox, 1e-9, "2, 2 and 1")
	assert.InDelta(t, 1, r.Latency[0].Late, 1e-9)
	assert.InDelta(t, 100, r.Latency[0].CPU, 1e-9, "a second for 1,000 events")
	assert.InDelta(t, 20_000, r.Drain[0].EventsPerSecond, 1)
	assert.InDelta(t, 0.5, r.Drain[1].OfOutbox, 1e-3, "0.5, 0.5 and 1.5")
	assert.InDelta(t, 2, r.Drain[0].CPU, 1e-9)
	assert.InDelta(t, 4, r.Drain[0].Database, 1e-9)
	assert.InDelta(t, 20, r.Idle[0].CPU, 1e-9, "a second of five")
	assert.InDelta(t, 10, r.Idle[0].Database, 1e-9)
	assert.InDelta(t, 5_000, r.Inbox.EventsPerSecond, 1e-9)

	s := staged()
	s.contenders = s.contenders[1:]
	assert.Zero(t, s.report().Latency[0].P99OfOutbox, "there is nothing to compare with")
	assert.Len(t, s.report().Goals, 1, "only the inbox has one")
}

func TestGoalsAreHeldAgainstWhatWasMeasured(t *testing.T) {
	met, aims := map[string]bool{}, 0
	for _, g := range staged().report().Goals {
		met[g.What] = g.Met
		if g.Aim {
			aims++
		}
	}
	assert.Equal(t, map[string]bool{
		"p99 ms from commit to Kafka": true, "p99, of watermill's": true, "p99, of watermill-queue's": false,
		"events/s drained": true, "events/s drained, of watermill's": true, "events/s drained, of watermill-queue's": false,
		"events/s applied by the inbox": false,
	}, met)
	assert.Equal(t, 2, aims, "what the queue does is no measure for what keeps events")
}

func TestTheTableShowsEachPartThatWasMeasured(t *testing.T) {
	s := staged()
	s.leftOut = []string{"watermill-lanes"}
	r := s.report()
	var out bytes.Buffer
	require.NoError(t, r.write(&out, false))
	for _, line := range []string{
		`Left out: watermill-lanes\n`,
		`at 1000 events/s for 10s +p50 ms`,
		`watermill +2\.00 +10\.00 +20\.00 +40\.00 +2\.00 +2\.00 +1\.0 +100\.00\n`,
		`a backlog of 50000 +events/s`,
		`outbox +20000 +1\.00 +2\.00 +4\.00\n`,
		`watermill-queue +20\.0 +10\.00\n`,
		`inbox +5000 +10\.00 +30\.00\n`,
		`p99 ms from commit to Kafka +at most 20 +15 +met\n`,
		`p99, of watermill-queue's +aim: at most 1 +2 +NOT met\n`,
	} {
		assert.Regexp(t, line, out.String())
	}
	out.Reset()
	require.NoError(t, r.write(&out, true))
	var back Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &back))
	assert.Equal(t, r, back)

	out.Reset()
	require.NoError(t, (&stage{servers: &servers{}}).report().write(&out, false))
	assert.NotContains(t, out.String(), "nothing to do")
	assert.NotContains(t, out.String(), "goal")
}
