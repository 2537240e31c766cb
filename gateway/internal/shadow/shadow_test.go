package shadow_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/shadow"
)

func TestTheSameAnswersMatch(t *testing.T) {
	r := newRig(t, policy())
	r.send(head("GET", "/a?b=1"))
	r.settle() // copies overtake each other
	r.send(head("HEAD", "/a"))
	f := r.settle()
	require.Equal(t, shadow.Figures{Owner: "comments", Sent: 2, Matched: 2}, f)
	require.Empty(t, r.route.Mismatches())
	got := r.shadow.requests()
	require.Len(t, got, 2)
	require.Equal(t, "/a?b=1", got[0].RequestURI)
	require.Equal(t, "example.org", got[0].Host)
	require.Equal(t, "1", got[0].Header.Get(shadow.HeaderName))
	require.Equal(t, "abc-1", got[0].Header.Get("X-Request-Id"))
}

func TestAPlantedDifferenceIsKeptAsADiff(t *testing.T) {
	r := newRig(t, policy())
	r.baseline.set(body(`{"items":[{"id":1,"title":"Hello"}],"token":"base"}`, "Content-Type", "application/json"))
	r.shadow.set(body(`{"token":"base","items":[{"id":1,"title":"Hallo"}]}`, "Content-Type", "application/json"))
	m := r.one(head("GET", "/items?page=2&page_token=s3cret"))
	require.Equal(t, "/items?page=2&page_token=(hidden)", m.Target)
	require.Equal(t, "abc-1", m.RequestID)
	require.False(t, m.Confirmed)
	require.Equal(t, `GET /items?page=2&page_token=(hidden)
--- monolith/r1 200
+++ comments/r1 200
@@ body /items/0/title changed @@
- "Hello"
+ "Hallo"
`, m.Text)
	require.JSONEq(t, `{"token":"(hidden)","items":[{"id":1,"title":"Hallo"}]}`, m.Shadow.Body)
	text, err := json.Marshal(m)
	require.NoError(t, err)
	require.Contains(t, string(text), `"differences":[{"part":"body","path":"/items/0/title","kind":"changed","baseline":"\"Hello\"","shadow":"\"Hallo\""}]`)
	require.NotContains(t, string(text), "s3cret")
}

func TestStatusAndChosenHeadersCount(t *testing.T) {
	r := newRig(t, policy(func(p *config.Shadow) { p.Compare.Headers = []string{"content-type", "Vary", "Set-Cookie"} }))
	r.baseline.set(body("x", "Vary", "a", "Vary", "b", "Set-Cookie", "sid=one", "Date", "then"))
	r.shadow.set(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Vary", "a, b")
		w.Header().Set("Set-Cookie", "sid=two")
		w.WriteHeader(http.StatusTeapot)
	})
	m := r.one(head("GET", "/"))
	require.Contains(t, m.Text, "@@ status changed @@\n- 200 OK\n+ 418 I'm a teapot\n@@ header content-type missing @@\n- text/plain; charset=utf-8\n@@ header Set-Cookie changed @@\n- (hidden)\n+ (hidden)\n")
	require.NotContains(t, m.Text, "Vary", "several lines are one")
	require.NotContains(t, m.Text, "sid=")
}

func TestHashAndNone(t *testing.T) {
	r := newRig(t, policy(func(p *config.Shadow) { p.Compare.Body = config.CompareHash }))
	r.shadow.set(body(`{"id": 1}`, "Content-Type", "application/json"))
	r.send(head("GET", "/"))
	require.Equal(t, uint64(1), r.settle().Mismatched)
	r.open(policy(func(p *config.Shadow) { p.Compare.Body = config.CompareNone }))
	r.shadow.set(body(`{"id":2}`, "Content-Type", "application/json"))
	r.send(head("GET", "/"))
	f := r.settle()
	require.Equal(t, uint64(1), f.Matched)
	require.Equal(t, uint64(1), f.Mismatched, "counts outlive configurations")
	require.Len(t, r.route.Mismatches(), 1)
}

func TestConditionsDontKeepAnswersFromBeingCompared(t *testing.T) {
	r := newRig(t, policy())
	request := head("GET", "/", `If-None-Match: "x"`)
	r.send(request)
	require.Equal(t, uint64(1), r.settle().Matched)
	require.Empty(t, r.shadow.requests()[0].Header.Get("If-None-Match"), "the shadow's body was wanted")

	unchanged := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }
	r.baseline.set(unchanged)
	r.send(request)
	f := r.settle()
	require.Equal(t, uint64(1), f.Skipped, "the shadow has another validator")
	require.Equal(t, `"x"`, r.shadow.requests()[1].Header.Get("If-None-Match"))
	r.shadow.set(unchanged)
	r.send(request)
	require.Equal(t, uint64(2), r.settle().Matched)
}

func TestWhatCantBeComparedIsSkipped(t *testing.T) {
	for name, c := range map[string]struct {
		baseline, shadow http.HandlerFunc
		request, why     string
		unsent           bool
	}{
		"a long answer":        {baseline: body(strings.Repeat("x", 1<<17)), request: head("GET", "/"), why: "longer than compare.max_body", unsent: true},
		"a shadow's long one":  {shadow: body(strings.Repeat("x", 1<<17)), request: head("GET", "/"), why: "longer than compare.max_body"},
		"events":               {baseline: body("data: 1\n\n", "Content-Type", "text/event-stream; charset=utf-8"), request: head("GET", "/"), why: "stream of events", unsent: true},
		"a credential in path": {request: head("GET", "/reset?a=1;%74oken=x"), why: "credential, token", unsent: true},
		"a body":               {request: head("GET", "/", "Content-Length: 1") + "x", why: "has a body", unsent: true},
		"too many values":      {baseline: body("[" + strings.Repeat("0,", 30_000) + "1]"), shadow: body("[" + strings.Repeat("[],", 20_000) + "0]"), request: head("GET", "/")},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, policy())
			if c.baseline != nil {
				r.baseline.set(c.baseline)
			}
			if c.shadow != nil {
				r.shadow.set(c.shadow)
			}
			r.send(c.request)
			f := r.settle()
			if c.why == "" {
				require.Equal(t, uint64(1), f.Mismatched, "that many are not too many: %+v", f)
				return
			}
			require.Equal(t, uint64(1), f.Skipped, "%+v", f)
			require.Contains(t, f.LastSkip.Reason, c.why)
			require.Equal(t, c.unsent, len(r.shadow.requests()) == 0)
		})
	}
}

func TestOnlySafeRequestsAreSampled(t *testing.T) {
	r := newRig(t, policy())
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "get", ""} {
		require.Nil(t, r.route.Sample([]byte(method)), method)
	}
	var none *shadow.Route
	c := none.Sample([]byte("GET"))
	require.Nil(t, c)
	c.Request(nil)
	c.Answer(200, nil)
	c.Header(nil, nil)
	c.Body(nil)
	c.Submit()
	c.Abandon()
}

func TestTheShareIsExact(t *testing.T) {
	for _, share := range []int{0, 1, 33, 1000, 2500, 9999, config.WholeShare} {
		t.Run(fmt.Sprint(share), func(t *testing.T) {
			r := newRig(t, policy(func(p *config.Shadow) { p.Sample = share }))
			taken := func(n int, of func(int) bool) (count int) {
				for i := range n {
					if c := r.route.Sample([]byte("GET")); c != nil {
						c.Abandon()
						if of(i) {
							count++
						}
					}
				}
				return count
			}
			all := func(int) bool { return true }
			require.Equal(t, share, taken(config.WholeShare, all))
			taken(4321, all)
			require.Equal(t, share, taken(config.WholeShare, all), "wherever one begins")
			each := func(i int) bool { return i%4 == 1 }
			require.InDelta(t, float64(share)/4, taken(config.WholeShare, each), 1, "also of requests that come in turns")
		})
	}
}

func TestAbandonedCopiesAreSkipped(t *testing.T) {
	r := newRig(t, policy())
	r.client(head("GET", "/")).Abandon()
	r.route.Sample([]byte("GET")).Submit()
	f := r.settle()
	require.Equal(t, uint64(2), f.Skipped)
	require.Empty(t, r.shadow.requests())
}

func TestAnotherAttemptReplacesTheFirst(t *testing.T) {
	r := newRig(t, policy())
	c := r.route.Sample([]byte("GET"))
	c.Request([]byte(head("GET", "/first")))
	c.Answer(500, nil)
	c.Header([]byte("Content-Type"), []byte("x"))
	c.Body([]byte("lost"))
	c.Request([]byte(head("GET", "/second")))
	c.Answer(200, r.baseline.replica())
	c.Header([]byte("content-type"), []byte("application/json"))
	c.Body([]byte(`{"id":1}`))
	c.Submit()
	require.Equal(t, uint64(1), r.settle().Matched)
	require.Equal(t, "/second", r.shadow.requests()[0].RequestURI)
}

func TestOnlyTheLastMismatchesAreKept(t *testing.T) {
	r := newRig(t, policy())
	r.shadow.set(body(`{"id":2}`))
	for i := range 25 {
		r.send(head("GET", fmt.Sprintf("/%d", i)))
		r.settle()
	}
	list, known := r.engine.Mismatches("read")
	require.True(t, known)
	require.Len(t, list, 20)
	require.Equal(t, "/24", list[0].Target, "the newest comes first")
	_, known = r.engine.Mismatches("other")
	require.False(t, known)

	r.engine.Retain([]string{"read"})
	_, known = r.engine.Figures("read")
	require.True(t, known)
	r.engine.Retain(nil)
	_, known = r.engine.Figures("read")
	require.False(t, known)
	r.send(head("GET", "/"))
	require.Equal(t, uint64(26), r.settle().Mismatched, "a forgotten route still in use goes on")
}

func TestFiguresForPrometheus(t *testing.T) {
	r := newRig(t, policy())
	r.send(head("GET", "/"))
	r.settle()
	registry := prometheus.NewPedanticRegistry()
	require.NoError(t, registry.Register(r.engine))
	families, err := registry.Gather()
	require.NoError(t, err)
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			name := family.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	require.Equal(t, map[string]float64{
		"gateway_shadow_copies_total matched read": 1, "gateway_shadow_copies_total mismatched read": 0,
		"gateway_shadow_copies_total failed read": 0, "gateway_shadow_copies_total skipped read": 0,
		"gateway_shadow_copies_total dropped read": 0, "gateway_shadow_sent_total read": 1, "gateway_shadow_pending_copies read": 0,
	}, got)
}

func TestConnectionsAreKeptAndStaleOnesReplaced(t *testing.T) {
	r := newRig(t, policy())
	var conns []string
	r.shadow.set(func(w http.ResponseWriter, req *http.Request) {
		conns = append(conns, req.RemoteAddr)
		body(`{"id":1}`, "Content-Type", "application/json")(w, req)
		if len(conns) == 2 {
			w.Header().Set("Connection", "close")
		}
	})
	for range 3 {
		r.send(head("GET", "/"))
		require.Zero(t, r.settle().Failed)
	}
	require.Equal(t, conns[0], conns[1])
	require.Equal(t, uint64(3), r.settle().Matched)
	require.Zero(t, r.shadow.replica().InFlight())
	require.True(t, r.shadow.replica().Healthy())
}
