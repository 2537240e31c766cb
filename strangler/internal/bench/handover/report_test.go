package handover

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestASpreadIsOfValuesThatWereThere(t *testing.T) {
	assert.Equal(t, Spread{}, spreadOf(nil))
	assert.Equal(t, Spread{N: 1, P50: 3, P99: 3, Max: 3}, spreadOf([]time.Duration{3 * time.Millisecond}))
	var values []time.Duration
	for ms := range 200 {
		values = append(values, time.Duration(200-ms)*time.Millisecond)
	}
	assert.Equal(t, Spread{N: 200, P50: 100, P99: 198, Max: 200}, spreadOf(values))
	assert.Equal(t, 200*time.Millisecond, values[0], "what was given is left as it is")
}

func TestWhoWaitedIsTakenFromTheSlowest(t *testing.T) {
	values := []time.Duration{5, 1, 9, 3}
	assert.Equal(t, []time.Duration{5, 9}, slowest(values, 2))
	assert.Equal(t, []time.Duration{1, 3, 5, 9}, slowest(values, 7), "retries may wait more than once")
	assert.Empty(t, slowest(values, 0))
}

func TestAWriteBelongsToTheHandoverThatItMet(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(0, 0).Add(time.Duration(ms) * time.Millisecond) }
	write := func(due, done int) sample { return sample{write: true, due: at(due), done: at(done)} }
	windows := []window{{began: at(1000), ended: at(1100)}, {began: at(2000), ended: at(2100)}}
	samples := []sample{
		write(100, 120), write(990, 1001), write(1050, 1060), write(1250, 1260), // the last in the aftermath
		write(1400, 1410), write(1900, 2500), write(2900, 2910), write(1020, 2010), {due: at(1050), done: at(1060)}, // the last one read
	}
	byWindow, before, around, outside := split(samples, windows)
	assert.Equal(t, samples[:1], before)
	both := samples[7]
	assert.Equal(t, [][]sample{{samples[1], samples[2], samples[3], both}, {samples[5], both}}, byWindow)
	assert.Len(t, around, 5, "each once")
	assert.Equal(t, []sample{samples[4], samples[6]}, outside)
}
