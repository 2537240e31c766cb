package config_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
)

const everything = `
revision: 7
clients:
  trusted_proxies: [10.0.0.0/8, 192.0.2.7, "2001:db8::/32", "::1"]
  session_cookie: banyan_session
  rate_limit: {requests: 200, per: 1s, burst: 400, by: address}
owners:
  monolith:
    address: http://monolith:8080
    max_in_flight: 512
    retries: {budget: 30, min_per_second: 5, attempts: 4}
    breaker: {errors: 40, of: 30, within: 20s, open_for: 3s}
    outliers: {consecutive: 7, eject_for: 4s, max_ejected: 34}
    topology: {path: /topology, port: 8081}
  comments: {address: "http://comments:8080"}
routes:
  - name: comments-read
    match: {path: "/api/v1/posts/{id}/comments", methods: [GET, HEAD]}
    owner: monolith
    canary: {owner: comments, percent: 2.5, by: "cookie:tenant", salt: comments-1}
    shadow:
      owner: comments
      percent: 0.29
      queue: 64
      timeout: 3s
      pass: {headers: [Authorization], cookies: [banyan_session]}
      compare:
        headers: [Content-Type]
        body: json
        max_body: 128KiB
        ignore: ["/next", "/items/*/updated_at"]
        unordered: ["/items", ""]
        tolerate: {"/score": 0.01, "/a~1b": 2}
        again: 300ms
    hold: {max_wait: 3s, max_requests: 10}
    rate_limit: {requests: 20, per: 1m, by: "header:X-Api-Key"}
  - {match: {path: "/*"}, owner: monolith}
`

func TestEveryPolicyIsRead(t *testing.T) {
	c, err := config.Parse("gateway.yaml", []byte(everything))
	require.NoError(t, err)
	require.Equal(t, config.Clients{
		TrustedProxies: []netip.Prefix{
			netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("192.0.2.7/32"),
			netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("::1/128"),
		},
		SessionCookie: "banyan_session",
		RateLimit:     &config.RateLimit{Requests: 200, Per: time.Second, Burst: 400, By: config.Key{Kind: config.KeyAddress}},
	}, c.Clients)

	monolith := c.Owners[1]
	require.Equal(t, 512, monolith.MaxInFlight)
	require.Equal(t, config.Retries{Budget: 30, MinPerSecond: 5, Attempts: 4}, monolith.Retries)
	require.Equal(t, &config.Breaker{Errors: 40, Of: 30, Within: 20 * time.Second, OpenFor: 3 * time.Second}, monolith.Breaker)
	require.Equal(t, &config.Outliers{Consecutive: 7, EjectFor: 4 * time.Second, MaxEjected: 34}, monolith.Outliers)
	require.Equal(t, &config.Topology{Path: "/topology", Port: "8081"}, monolith.Topology)

	require.Equal(t, config.Route{
		Name: "comments-read", Path: "/api/v1/posts/{id}/comments", Methods: []string{"GET", "HEAD"},
		Owner: "monolith", Timeout: config.DefaultTimeout,
		Canary: &config.Canary{Owner: "comments", Share: 250, By: config.Key{Kind: config.KeyCookie, Name: "tenant"}, Timeout: config.DefaultTimeout, Salt: "comments-1"},
		Shadow: &config.Shadow{
			Owner: "comments", Sample: 29, Queue: 64, Timeout: 3 * time.Second,
			Pass: config.Credentials{Headers: []string{"Authorization"}, Cookies: []string{"banyan_session"}},
			Compare: config.Compare{
				Headers: []string{"Content-Type"}, Body: config.CompareJSON, MaxBody: 128 << 10,
				Ignore: []string{"/next", "/items/*/updated_at"}, Unordered: []string{"/items", ""},
				Tolerate: map[string]float64{"/score": 0.01, "/a~1b": 2}, Again: 300 * time.Millisecond,
			},
		},
		Hold:      config.Hold{MaxWait: 3 * time.Second, MaxRequests: 10},
		RateLimit: &config.RateLimit{Requests: 20, Per: time.Minute, Burst: 20, By: config.Key{Kind: config.KeyHeader, Name: "X-Api-Key"}},
	}, c.Routes[0])
	require.Equal(t, "/*", c.Routes[1].Name)
}

func TestWhatHoldsWhereTheFileSaysNothing(t *testing.T) {
	c, err := config.Parse("gateway.yaml", []byte(`
owners:
  bare: {address: "http://a"}
  empty: {address: "http://b", retries: {}, breaker: {}, outliers: {}}
routes:
  - {match: {path: "/a"}, owner: bare, canary: {owner: empty, percent: 1}, shadow: {owner: empty}, hold: {}}
  - {match: {path: "/b"}, owner: bare}
`))
	require.NoError(t, err)
	bare, empty := c.Owners[0], c.Owners[1]
	retries := config.Retries{Budget: 20, MinPerSecond: 10, Attempts: 3}
	require.Equal(t, retries, bare.Retries)
	require.Equal(t, retries, empty.Retries)
	require.Nil(t, bare.Breaker)
	require.Nil(t, bare.Outliers)
	require.Nil(t, bare.Topology)
	require.Zero(t, bare.MaxInFlight)
	require.Equal(t, &config.Breaker{Errors: 50, Of: 20, Within: 10 * time.Second, OpenFor: 5 * time.Second}, empty.Breaker)
	require.Equal(t, &config.Outliers{Consecutive: 5, EjectFor: 10 * time.Second, MaxEjected: 50}, empty.Outliers)

	hold := config.Hold{MaxWait: 5 * time.Second, MaxRequests: 1000}
	a, b := c.Routes[0], c.Routes[1]
	require.Equal(t, &config.Canary{Owner: "empty", Share: 100, By: config.Key{Kind: config.KeyUser}, Timeout: config.DefaultTimeout, Salt: "empty"}, a.Canary)
	require.Equal(t, &config.Shadow{
		Owner: "empty", Sample: 1000, Queue: 256, Timeout: 2 * time.Second,
		Compare: config.Compare{Body: config.CompareJSON, MaxBody: 256 << 10},
	}, a.Shadow)
	require.Equal(t, hold, a.Hold)
	require.Equal(t, hold, b.Hold)
	require.Nil(t, b.Canary)
	require.Nil(t, b.Shadow)
	require.Nil(t, b.RateLimit)
	require.Equal(t, config.Clients{}, c.Clients)
}

func TestNoRetriesIsSaidInTwoWays(t *testing.T) {
	for text, want := range map[string]config.Retries{
		"{budget: 0}":   {Budget: 0, MinPerSecond: 10, Attempts: 3},
		"{attempts: 1}": {Budget: 20, MinPerSecond: 10, Attempts: 1},
	} {
		c, err := config.Parse("g", []byte("owners: {a: {address: \"http://a\", retries: "+text+"}}\nroutes: [{match: {path: /}, owner: a}]"))
		require.NoError(t, err)
		require.Equal(t, want, c.Owners[0].Retries, text)
	}
}

func TestAShareIsExact(t *testing.T) {
	for text, want := range map[string]int{
		"0": 0, "0.01": 1, "0.1": 10, "0.29": 29, "0.57": 57, "1.15": 115, "2.5": 250, "33.33": 3333, "99.99": 9999, "100": 10000, "100.00": 10000,
	} {
		c, err := config.Parse("g", []byte("owners: {a: {address: \"http://a\"}, b: {address: \"http://b\"}}\nroutes: [{match: {path: /}, owner: a, canary: {owner: b, percent: "+text+"}}]"))
		require.NoError(t, err, text)
		require.Equal(t, want, c.Routes[0].Canary.Share, text)
	}
}
