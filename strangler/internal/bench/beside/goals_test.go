package beside

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/bench/peers"
)

func ran(name string, rates, p99s []float64) *runner {
	r := newRunner(&peers.Process{Name: name}, "")
	r.rates, r.p99s, r.requests = rates, p99s, 1000
	r.latencies = hdrhistogram.New(1, 1000, 3)
	return r
}

func (r *runner) at(rates, p99s []float64) paced {
	return paced{rates: rates, p99s: p99s, latencies: hdrhistogram.New(1, 1000, 3)}
}

func TestRatiosAreOfTheSameRounds(t *testing.T) {
	nginx := ran(peers.Nginx, []float64{100, 10, 200}, []float64{1, 10, 2})
	gateway := ran(peers.Gateway, []float64{80, 8, 100}, []float64{2, 20, 2})
	canary := ran(peers.Canary, []float64{40, 4, 50}, []float64{4, 40, 4})
	canary.next = 480
	loads := summary([]*runner{nginx, gateway, canary})
	assert.InDelta(t, 0.8, loads[1].ToNginx, 1e-9)
	assert.InDelta(t, 2, loads[1].P99ToNginx, 1e-9)
	assert.InDelta(t, 1.25, loads[0].ToGateway, 1e-9)
	assert.InDelta(t, 0.5, loads[2].ToGateway, 1e-9)
	assert.InDelta(t, 0.48, loads[2].Next, 1e-9)
	assert.InDelta(t, 80, loads[1].RequestsPerSecond, 1e-9)

	assert.Nil(t, loads[0].Paced, "no rate was asked for")
	nginx.paced, gateway.paced = nginx.at([]float64{10, 10}, []float64{1, 2}), gateway.at([]float64{10, 9}, []float64{2, 3})
	loads = summary([]*runner{nginx, gateway})
	assert.InDelta(t, 1.75, loads[1].Paced.P99ToNginx, 1e-9)
	assert.InDelta(t, 9.5, loads[1].Paced.RequestsPerSecond, 1e-9)

	alone := summary([]*runner{gateway})
	assert.Zero(t, alone[0].ToNginx, "there is nothing to compare with")
}

func TestProcessorTimeIsForAHundredThousandRequests(t *testing.T) {
	r := ran(peers.Gateway, []float64{1}, []float64{1})
	r.cpu, r.requests = 3e9, 150_000
	assert.InDelta(t, 2, summary([]*runner{r})[0].CPU, 1e-9)
}

// met are the goals by what they ask, and whether they were met.
func met(r Report) map[string]bool {
	found := map[string]bool{}
	for _, g := range goals(r) {
		name := g.What
		if g.Aim {
			name = "aim: " + name
		}
		found[name] = g.Met
	}
	return found
}

func TestGoalsAreHeldAgainstWhatWasMeasured(t *testing.T) {
	r := Report{
		Rate: 9000,
		Load: []Load{
			{Contender: peers.Caddy, ToGateway: 0.3},
			{Contender: peers.ReverseProxy, ToGateway: 0.5},
			{Contender: peers.Gateway, ToNginx: 0.9, P99ToNginx: 1.3, ToGateway: 1, Paced: &Paced{P99ToNginx: 1.004}},
			{Contender: peers.Canary, ToGateway: 0.949, Next: 0.5},
			{Contender: peers.Shadow, ToGateway: 0.8, Next: 0.0001},
		},
		Idle:    []Idle{{Contender: peers.Nginx, Connections: 10, Held: 10, Each: 99999}, {Contender: peers.Gateway, Connections: 10, Held: 9, Each: 12 << 10}},
		Reloads: &Reloads{Reloads: 200, Failed: 1},
		Streams: []Stream{{Way: "down", Above: 16 << 20}, {Way: "up", Above: 17 << 20}},
	}
	assert.Equal(t, map[string]bool{
		"requests/s, of nginx's":                               true,
		"aim: p99 at full load, of nginx's":                    false,
		"p99 at 9000 requests/s, of nginx's":                   true, // as it is shown
		"aim: requests/s, of nginx's":                          false,
		"requests/s, of caddy's":                               true,
		"requests/s, of reverseproxy's":                        false,
		"canary and affinity, of the plain route's requests/s": true,
		"canary, % of the requests to the other owner":         true,
		"shadow, of the plain route's requests/s":              false,
		"shadow, % of the requests copied":                     false, // fast because it copied nothing
		"KiB an idle connection, of 10":                        true,
		"idle connections that still answer":                   false,
		"failed requests in 200 reloads":                       false,
		"MiB of memory more for a stream down":                 true,
		"MiB of memory more for a stream up":                   false,
	}, met(r))
	assert.Empty(t, met(Report{Load: []Load{{Contender: peers.Nginx, ToNginx: 1}}}), "what took no part has no goals")
}

func TestOfIdleConnectionsTheMedianLookCounts(t *testing.T) {
	looks := []Idle{{Each: 30, Held: 10, After: 3}, {Each: 10, Held: 9, After: 1}, {Each: 20, Held: 10, After: 2}}
	assert.Equal(t, Idle{Each: 20, Held: 9, After: 2, Looks: []float64{10, 20, 30}}, middle(looks), "and the worst of what was held")
	assert.Equal(t, Idle{Each: 5, Looks: []float64{5}}, middle([]Idle{{Each: 5}}))
}

func TestTheTableShowsEachPartThatWasMeasured(t *testing.T) {
	r := Report{
		What: "GET", Rate: 500, LeftOut: []string{"caddy is not installed"},
		Load: []Load{{
			Contender: peers.Gateway, RequestsPerSecond: 1234, ToNginx: 0.9, P50: 1.5, P99: 2.5, CPU: 2.25, Next: 0.1,
			Paced: &Paced{RequestsPerSecond: 499.6, P50: 0.25, P99: 0.75, P99ToNginx: 1.25},
		}},
		Idle:    []Idle{{Contender: peers.Gateway, Connections: 10, Held: 9, Before: 1 << 20, After: 2 << 20, Each: 2048, Looks: []float64{1024, 2048, 4096}}},
		Reloads: &Reloads{Reloads: 200, Seconds: 2, Requests: 5000, Failed: 1, First: "busy"},
		Streams: []Stream{{Way: "down", Bytes: 1 << 30, Seconds: 2, Before: 1 << 20, Above: 1 << 19}},
	}
	r.Goals = goals(r)
	var out bytes.Buffer
	require.NoError(t, r.write(&out, false))
	for _, line := range []string{
		`Left out: caddy is not installed`,
		`gateway +1234 +0\.90 +- +1\.50 +2\.50 +- +2\.25 +10\.00\n`,
		`at 500 requests/s +answered/s`, `gateway +500 +0\.25 +0\.75 +1\.25\n`,
		`gateway +10 +9 +1\.0 +2\.0 +2\.00 +1\.00 +4\.00\n`,
		`200 reloads in 2\.0 s under load: 5000 requests, 1 failed`, `the first failure: busy`,
		`down +1024 +512 +1\.0 +0\.5\n`,
		`requests/s, of nginx's +at least 0\.75 +0\.9 +met\n`,
		`failed requests in 200 reloads +at most 0 +1 +NOT met\n`,
	} {
		assert.Regexp(t, line, out.String())
	}
	out.Reset()
	require.NoError(t, r.write(&out, true))
	var back Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &back))
	assert.Equal(t, r, back)
}
