package shadow_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
)

// speaking are header lines that speak for a user; each carries the word secret.
var speaking = []string{
	"Authorization: Bearer secret", "authorization: secret", "Proxy-Authorization: Basic secret", "X-Api-Key: secret", "x_api_key: secret",
	"X-Auth-Token: secret", "X-CSRF-Token: secret", "X-XSRF-TOKEN: secret", "X-Amz-Security-Token: secret", "X-Goog-Iap-Jwt-Assertion: secret",
	"Cf-Access-Jwt-Assertion: secret", "X-Amzn-Oidc-Data: secret", "X-Session-Id: secret", "Cookie2: secret", "X-Vault-Token: secret",
	"X-Client-Secret: secret", "Ssl-Client-Cert: secret", "Signature: secret", "Referer: https://example.org/reset?token=secret",
	"Cookie: session=secret; secret; theme=secret", "COOKIE: other=secret",
}

func TestNoCredentialArrivesUnlessItIsPassed(t *testing.T) {
	r := newRig(t, policy())
	r.send(head("GET", "/", append(speaking, "Accept: text/plain", "User-Agent: x")...))
	r.settle()
	got := r.shadow.requests()[0]
	all, err := json.Marshal(got.Header)
	require.NoError(t, err)
	require.NotContains(t, string(all), "secret")
	require.Equal(t, http.Header{"Accept": {"text/plain"}, "User-Agent": {"x"}, "X-Request-Id": {"abc-1"}, "X-Banyan-Shadow": {"1"}}, got.Header)
}

func TestWhatThePolicyPassesArrives(t *testing.T) {
	r := newRig(t, policy(func(p *config.Shadow) {
		p.Pass = config.Credentials{Headers: []string{"authorization", "X-API-Key"}, Cookies: []string{"session", "__Host-s"}}
	}))
	r.shadow.set(body("other"))
	m := r.one(head("GET", "/", "Authorization: Bearer a", "x-api-key: k", "X-Auth-Token: no",
		"Cookie: theme=dark;session=abc; SESSION=no; Session=no;__Host-s=h=1 ; bare; session=two", "cookie: tracking=no"))
	require.Equal(t, http.Header{
		"Authorization": {"Bearer a"}, "X-Api-Key": {"k"}, "Cookie": {"session=abc; __Host-s=h=1; session=two"},
		"X-Request-Id": {"abc-1"}, "X-Banyan-Shadow": {"1"},
	}, r.shadow.requests()[0].Header)
	require.Equal(t, []string{"X-Auth-Token", "Cookie theme", "Cookie SESSION", "Cookie Session", "Cookie ", "Cookie tracking"}, m.Withheld)
	require.Contains(t, m.Text, "The shadow did not get: X-Auth-Token, Cookie theme")
}

func TestAWholeCookieHeaderMayBePassed(t *testing.T) {
	r := newRig(t, policy(func(p *config.Shadow) { p.Pass.Headers = []string{"Cookie"} }))
	r.send(head("GET", "/", "Cookie: a=1; b=2"))
	r.settle()
	require.Equal(t, "a=1; b=2", r.shadow.requests()[0].Header.Get("Cookie"))
}

func TestAMismatchThatPassesIsNone(t *testing.T) {
	r := newRig(t, policy(func(p *config.Shadow) { p.Compare.Again = 10 * time.Millisecond }))
	// The event arrives at the shadow between the two looks.
	calls := 0
	r.shadow.set(func(w http.ResponseWriter, req *http.Request) {
		calls++
		if calls == 1 {
			body(`{"id":0}`, "Content-Type", "application/json")(w, req)
			return
		}
		body(`{"id":1}`, "Content-Type", "application/json")(w, req)
	})
	r.send(head("GET", "/", "Cookie: session=mine"))
	f := r.settle()
	require.Equal(t, uint64(1), f.Matched)
	require.Equal(t, uint64(1), f.Sent, "a second look is not another copy")
	require.Zero(t, f.Mismatched)
	baseline, shadow := r.baseline.requests(), r.shadow.requests()
	require.Len(t, baseline, 2)
	require.Equal(t, "session=mine", baseline[1].Header.Get("Cookie"), "the baseline is asked as the client asked it")
	require.Equal(t, "1", baseline[1].Header.Get("X-Banyan-Shadow"))
	require.Len(t, shadow, 2)
	require.Empty(t, shadow[0].Header.Get("Cookie"))
	require.Empty(t, shadow[1].Header.Get("Cookie"))
}

func TestAMismatchThatStaysIsConfirmedByTheSecondAnswers(t *testing.T) {
	r := newRig(t, policy(func(p *config.Shadow) { p.Compare.Again = time.Millisecond }))
	c := r.client(head("GET", "/"))
	r.baseline.set(body(`{"id":7}`, "Content-Type", "application/json"))
	r.shadow.set(body(`{"id":8}`, "Content-Type", "application/json"))
	c.Submit()
	require.Equal(t, uint64(1), r.settle().Mismatched)
	m := r.route.Mismatches()[0]
	require.True(t, m.Confirmed)
	require.Equal(t, `{"id":7}`, m.Baseline.Body, "only the second answers count")
}

func TestASecondLookNeedsTheBaseline(t *testing.T) {
	r := newRig(t, policy())
	gone := r.dead()
	r.shadow.set(body("other"))
	// The replica that answered is gone, and no other one is there.
	again := policy(func(p *config.Shadow) { p.Compare.Again = time.Millisecond })
	r.route = r.engine.Open("again", again, r.shadow, nobody{})
	c := r.route.Sample([]byte("GET"))
	c.Request([]byte(head("GET", "/")))
	c.Answer(200, gone.Pick())
	c.Submit()
	f := r.settle()
	require.Equal(t, uint64(1), f.Skipped, "%+v", f)
	require.Contains(t, f.LastSkip.Reason, "could not be asked again")
}

func TestASecondLookAsksAnotherReplicaIfTheFirstIsGone(t *testing.T) {
	r := newRig(t, policy())
	gone := r.dead()
	again := policy(func(p *config.Shadow) { p.Compare.Again = time.Millisecond })
	r.route = r.engine.Open("again", again, r.shadow, r.baseline)
	c := r.route.Sample([]byte("GET"))
	c.Request([]byte(head("GET", "/")))
	c.Answer(200, gone.Pick())
	c.Body([]byte("other"))
	c.Submit()
	f := r.settle()
	require.Equal(t, uint64(1), f.Matched, "%+v", f)
	require.Len(t, r.baseline.requests(), 1)
}

func TestWhatWaitsForItsSecondLookHoldsAPlace(t *testing.T) {
	r := newRig(t, policy(func(p *config.Shadow) { p.Compare.Again, p.Queue = time.Hour, 3 }))
	r.shadow.set(body("other"))
	for range 3 {
		r.send(head("GET", "/"))
	}
	require.Nil(t, r.route.Sample([]byte("GET")))
	f := r.route.Figures()
	require.Equal(t, int64(3), f.Pending)
	require.Equal(t, uint64(1), f.Dropped)
}
