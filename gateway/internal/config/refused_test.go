package config_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/policy"
)

// policies is a file whose owner a, clients and route can be filled in.
const policies = `
clients: {session_cookie: session%s}
owners:
  a: {address: "http://a"%s}
  b: {address: "http://b", affinity: {session_cookie: session, cookie: pin}}
routes:
  - {match: {path: "/*"}, owner: a%s}
`

// Each policy has one mistake; the error names line, field, value and the mend.
func TestPoliciesThatAreRefused(t *testing.T) {
	clients := func(s string) string { return fmt.Sprintf(policies, ", "+s, "", "") }
	owner := func(s string) string { return fmt.Sprintf(policies, "", ", "+s, "") }
	route := func(s string) string { return fmt.Sprintf(policies, "", "", ", "+s) }
	compare := func(s string) string { return route("shadow: {owner: b, compare: {" + s + "}}") }
	for text, want := range map[string]string{
		clients("trusted_proxies: [10.0.0.0]"):          "",
		clients("trusted_proxies: [proxy]"):             `2: clients.trusted_proxies[0]: "proxy" is no network; write it as in 10.0.0.0/8, or one address`,
		clients("trusted_proxies: [10.0.0.1/8]"):        `2: clients.trusted_proxies[0]: "10.0.0.1/8" has bits behind its mask; write 10.0.0.0/8`,
		clients(`trusted_proxies: ["::ffff:10.0.0.1"]`): `2: clients.trusted_proxies[0]: "::ffff:10.0.0.1" is an IPv4 address within IPv6; write it as IPv4`,
		clients(`trusted_proxies: ["fe80::1%eth0"]`):    `2: clients.trusted_proxies[0]: "fe80::1%eth0" is no network; write it as in 10.0.0.0/8, or one address`,
		clients(`trusted_proxies: ["::1", "::1/128"]`):  `2: clients.trusted_proxies[1]: "::1/128" is given twice`,
		clients("trusted_proxies: 10.0.0.1"):            `2: clients.trusted_proxies: must be a list`,
		clients("rate_limit: {per: 1s}"):                `2: clients.rate_limit.requests: is missing; write how many requests one client may make, as in 20`,
		clients("rate_limit: {requests: 1}"):            `2: clients.rate_limit.per: is missing; write in which time, as in 1s`,
		clients("rate_limit: {requests: 0, per: 1s}"):   `2: clients.rate_limit.requests: "0" must be a whole number from 1 to 1000000`,
		`clients: {session_cookie: pin}` + strings.TrimPrefix(owner("timeout: 1s"), "\nclients: {session_cookie: session}"): `1: clients.session_cookie: "pin" is a cookie of the gateway's own; name the application's`,

		owner("max_in_flight: 0"):                                         `4: owners.a.max_in_flight: "0" must be a whole number from 1 to 1000000`,
		owner(`max_in_flight: "9"`):                                       `4: owners.a.max_in_flight: "9" must be a whole number from 1 to 1000000`,
		owner("retries: {budget: 101}"):                                   `4: owners.a.retries.budget: "101" must be a whole number from 0 to 100`,
		owner("retries: {attempts: 0}"):                                   `4: owners.a.retries.attempts: "0" must be a whole number from 1 to 10`,
		owner("retries: {attempts: 1, budget: 5}"):                        `4: owners.a.retries.attempts: 1 is no retry, so the other fields mean nothing; leave them out`,
		owner("retries: {budget: 0, min_per_second: 2}"):                  `4: owners.a.retries.budget: 0 is no retry, so the other fields mean nothing; leave them out`,
		owner("retries: ~"):                                               `4: owners.a.retries: must be a mapping of attempts, budget, min_per_second`,
		owner("breaker: {errors: 0}"):                                     `4: owners.a.breaker.errors: "0" must be a whole number from 1 to 100`,
		owner("breaker: {of: 1.5}"):                                       `4: owners.a.breaker.of: "1.5" must be a whole number from 1 to 1000000`,
		owner("breaker: {within: 10}"):                                    `4: owners.a.breaker.within: "10" must be a duration above 0, as in 500ms or 15s`,
		owner("breaker: true"):                                            `4: owners.a.breaker: must be a mapping of errors, of, open_for, within`,
		owner("outliers: {max_ejected: 101}"):                             `4: owners.a.outliers.max_ejected: "101" must be a whole number from 1 to 100`,
		owner("topology: {}"):                                             `4: owners.a.topology.path: is missing; write path: /topology`,
		owner("topology: {path: topology}"):                               `4: owners.a.topology.path: "topology" must begin with / and hold neither blanks nor characters outside ASCII`,
		owner("topology: {path: /t, port: 0}"):                            `4: owners.a.topology.port: "0" is no port; ports are 1 to 65535`,
		owner("affinity: {session_cookie: session, cookie: pin}"):         `5: owners.b.affinity.cookie: "pin" is the affinity cookie of a already; give each owner its own`,
		owner("affinity: {session_cookie: session, cookie: banyan_user}"): `4: owners.a.affinity.cookie: "banyan_user" is another cookie of the gateway's own; choose another name`,
		owner("affinity: {session_cookie: banyan_canary}"):                `4: owners.a.affinity.session_cookie: "banyan_canary" is a cookie of the gateway's own; name the application's`,

		route("name: 7"):                                      `7: routes[0].name: must be a text; put 7 in quotes`,
		route(`name: ""`):                                     `7: routes[0].name: "" must be 1 to 128 bytes of printable text without blanks around it`,
		route(`name: "a\tb"`):                                 `7: routes[0].name: "a\tb" must be 1 to 128 bytes of printable text without blanks around it`,
		route("name: " + strings.Repeat("é", 65)):             `7: routes[0].name: "` + strings.Repeat("é", 65) + `" must be 1 to 128 bytes of printable text without blanks around it`,
		route("name: none"):                                   `7: routes[0].name: "none" is what figures call requests that no route takes; choose another name`,
		route("owner2: x"):                                    `7: routes[0].owner2: is no field here; known: canary, hold, match, max_body, name, owner, rate_limit, resource, shadow, timeout`,
		route("hold: {max_wait: 0s}"):                         `7: routes[0].hold.max_wait: "0s" must be a duration above 0, as in 500ms or 15s`,
		route("hold: {max_requests: 0}"):                      `7: routes[0].hold.max_requests: "0" must be a whole number from 1 to 1000000`,
		route("rate_limit: {requests: 1, per: 1s, burst: 0}"): `7: routes[0].rate_limit.burst: "0" must be a whole number from 1 to 1000000`,
		route("rate_limit: {requests: 1, per: 1s, by: ip}"):   `7: routes[0].rate_limit.by: "ip" is no key; known: user, session, address, "cookie:NAME", "header:NAME"`,
		route(`rate_limit: {requests: 1, per: 1s, by: "cookie:banyan_user"}`):  `7: routes[0].rate_limit.by: "banyan_user" is a cookie of the gateway's own, which nobody else sees; name one of the application's`,
		route(`rate_limit: {requests: 1, per: 1s, by: "header:X-Real-IP"}`):    `7: routes[0].rate_limit.by: "X-Real-IP" is not believed from outside: anybody could set it. For the client's address write by: address`,
		route(`rate_limit: {requests: 1, per: 1s, by: "header:Cookie"}`):       `7: routes[0].rate_limit.by: "Cookie" holds all cookies; name the cookie instead`,
		route(`rate_limit: {requests: 1, per: 1s, by: "header:X-Request-Id"}`): `7: routes[0].rate_limit.by: "X-Request-Id" is another one with each request`,

		route("canary: {percent: 1}"):                                  `7: routes[0].canary.owner: is missing; name the owner that a share of the clients goes to`,
		route("canary: {owner: b}"):                                    `7: routes[0].canary.percent: is missing; write percent: 0 to send nobody but testers`,
		route("canary: {owner: c, percent: 1}"):                        `7: routes[0].canary.owner: "c" is no owner; known: a, b`,
		route("canary: {owner: a, percent: 1}"):                        `7: routes[0].canary.owner: "a" answers the route anyway; name another owner`,
		route("canary: {owner: b, percent: 100.01}"):                   `7: routes[0].canary.percent: "100.01" must be a number from 0 to 100 with at most two decimals, as in 2.5`,
		route("canary: {owner: b, percent: 0.125}"):                    `7: routes[0].canary.percent: "0.125" must be a number from 0 to 100 with at most two decimals, as in 2.5`,
		route("canary: {owner: b, percent: 1e1}"):                      `7: routes[0].canary.percent: "1e1" must be a number from 0 to 100 with at most two decimals, as in 2.5`,
		route(`canary: {owner: b, percent: "5"}`):                      `7: routes[0].canary.percent: "5" must be a number from 0 to 100 with at most two decimals, as in 2.5`,
		route("canary: {owner: b, percent: -1}"):                       `7: routes[0].canary.percent: "-1" must be a number from 0 to 100 with at most two decimals, as in 2.5`,
		route(`canary: {owner: b, percent: 1, by: "cookie:pin"}`):      `7: routes[0].canary.by: "pin" is a cookie of the gateway's own, which nobody else sees; name one of the application's`,
		route(`canary: {owner: b, percent: 1, by: "header:X-Canary"}`): `7: routes[0].canary.by: "X-Canary" is a header of the gateway's own, which nobody else sees`,
		route(`canary: {owner: b, percent: 1, by: "user:x"}`):          `7: routes[0].canary.by: "user:x" is no key; known: user, session, address, "cookie:NAME", "header:NAME"`,
		route(`canary: {owner: b, percent: 1, salt: ""}`):              `7: routes[0].canary.salt: "" must be 1 to 128 bytes of printable text without blanks around it`,

		route("shadow: {percent: 1}"):                                  `7: routes[0].shadow.owner: is missing; name the owner that gets the copies`,
		route("shadow: {owner: a}"):                                    `7: routes[0].shadow.owner: "a" answers the route itself; name another owner`,
		route("shadow: {owner: b, queue: 0}"):                          `7: routes[0].shadow.queue: "0" must be a whole number from 1 to 1000000`,
		route("shadow: {owner: b, pass: {cookies: [banyan_replica]}}"): `7: routes[0].shadow.pass.cookies[0]: "banyan_replica" is a cookie of the gateway's own, which nobody else sees; name one of the application's`,
		route("shadow: {owner: b, pass: {cookies: [s, s]}}"):           `7: routes[0].shadow.pass.cookies[1]: "s" is given twice`,
		route("shadow: {owner: b, pass: {headers: [Cookie]}}"):         `7: routes[0].shadow.pass.headers[0]: "Cookie" holds all cookies; name the cookie instead`,
		route("shadow: {owner: b, pass: {headers: [A, a]}}"):           `7: routes[0].shadow.pass.headers[1]: "a" is given twice`,
		route("shadow: {owner: b, pass: {headers: [a b]}}"):            `7: routes[0].shadow.pass.headers[0]: "a b" is no header name`,
		compare("headers: [X-Served-By]"):                              `7: routes[0].shadow.compare.headers[0]: "X-Served-By" is set by the gateway, so it says nothing of the owners`,
		compare("headers: [Connection]"):                               `7: routes[0].shadow.compare.headers[0]: "Connection" is between owner and gateway, and no part of the answer`,
		compare("body: xml"):                                           `7: routes[0].shadow.compare.body: "xml" is no comparison; known: hash, json, none`,
		compare("body: hash, ignore: [/a]"):                            `7: routes[0].shadow.compare.ignore: means nothing with body: hash; write body: json, or leave it out`,
		compare("body: none, max_body: 1KiB"):                          `7: routes[0].shadow.compare.max_body: means nothing with body: none; leave it out`,
		compare("max_body: 0"):                                         `7: routes[0].shadow.compare.max_body: "0" must be a size above 0, as in 4096 or 5MiB`,
		compare("ignore: [a]"):                                         `7: routes[0].shadow.compare.ignore[0]: "a" is no JSON Pointer; write it as in /items/*/id`,
		compare(`ignore: ["/a~2"]`):                                    `7: routes[0].shadow.compare.ignore[0]: "/a~2" is no JSON Pointer; write it as in /items/*/id`,
		compare(`ignore: [""]`):                                        `7: routes[0].shadow.compare.ignore[0]: "" is the whole body; write body: none instead`,
		compare("ignore: [/a], unordered: [/a]"):                       `7: routes[0].shadow.compare.ignore[0]: "/a" is ignored, so what unordered or tolerate says of it means nothing; leave one out`,
		compare("unordered: [/a, /a]"):                                 `7: routes[0].shadow.compare.unordered[1]: "/a" is given twice`,
		compare("tolerate: [/a]"):                                      `7: routes[0].shadow.compare.tolerate: must map JSON Pointers to numbers, as in /score: 0.01`,
		compare("tolerate: {/a: 0}"):                                   `7: routes[0].shadow.compare.tolerate./a: "0" must be a number above 0, as in 0.01`,
		compare("tolerate: {/a: .inf}"):                                `7: routes[0].shadow.compare.tolerate./a: ".inf" must be a number above 0, as in 0.01`,
		compare("tolerate: {a: 1}"):                                    `7: routes[0].shadow.compare.tolerate.a: "a" is no JSON Pointer; write it as in /items/*/score`,
		compare("again: 1"):                                            `7: routes[0].shadow.compare.again: "1" must be a duration above 0, as in 500ms or 15s`,
	} {
		_, err := config.Parse("gateway.yaml", []byte(text))
		if want == "" {
			require.NoError(t, err, text)
			continue
		}
		require.EqualError(t, err, "gateway.yaml:"+want, text)
	}
}

func TestContradictionsBetweenFieldsAreRefused(t *testing.T) {
	const two = "owners: {a: {address: \"http://a\"}, b: {address: \"http://b\"}}\nroutes:\n"
	for name, c := range map[string]struct{ text, want string }{
		"session without its cookie":        {two + "  - {match: {path: /a}, owner: a, canary: {owner: b, percent: 1, by: session}}\n", `g:3: routes[0].canary.by: session needs clients.session_cookie; name the application's session cookie there`},
		"shadow of writes":                  {two + "  - {match: {path: /a, methods: [POST]}, owner: a, shadow: {owner: b}}\n", `g:3: routes[0].shadow: only GET and HEAD are copied, and the route takes neither; leave it out`},
		"a name twice":                      {two + "  - {name: x, match: {path: /a}, owner: a}\n  - {name: x, match: {path: /b}, owner: a}\n", `g:4: routes[1].name: "x" is the name of routes[0] already`},
		"a name that another is by default": {two + "  - {name: GET /b, match: {path: /a}, owner: a}\n  - {match: {path: /b, methods: [GET]}, owner: a}\n", `g:4: routes[1].name: "GET /b" is the name of routes[0] already`},
		"too long for a default name":       {two + "  - {match: {path: /" + strings.Repeat("a", 128) + "}, owner: a}\n", `g:3: routes[0].name: is missing; methods and path make a name of 129 bytes, and 128 is the most: give it one`},
		"an owner called as the gateway":    {"owners: {a: {address: \"http://a\"}, gateway: {address: \"http://b\"}}\nroutes: [{match: {path: /}, owner: a}]\n", "g:1: owners.gateway: is what the gateway calls its own answers; choose another name"},
		"no methods":                        {two + "  - {match: {path: /a, methods: []}, owner: a}\n", `g:3: routes[0].match.methods: is empty; leave it out for any method`},
		"a pattern outside ASCII":           {two + "  - {match: {path: /é}, owner: a}\n", `g:3: routes[0].match.path: "/é" has a blank or a character outside ASCII; canonical paths have them escaped, so write {name} for the segment`},
		"a replica without anything":        {"owners: {a: {replicas: [{}]}}\nroutes: [{match: {path: /}, owner: a}]\n", "g:1: owners.a.replicas[0].name: is missing; write name: a-0\ng:1: owners.a.replicas[0].url: is missing; write http://host:port"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("g", []byte(c.text))
			require.EqualError(t, err, c.want)
		})
	}
	_, err := config.Parse("g", []byte(two+"  - {match: {path: /a}, owner: a, canary: {owner: b, percent: 1}, shadow: {owner: b}}\n"))
	require.NoError(t, err, "a canary may be shadowed: it answers some, and is compared for the others")
}

// What the data plane distrusts, keeps to itself or takes for its own can be neither
// key nor passed on. The list is the data plane's; config has its own copy, which
// must not fall behind.
func TestHeadersThatMeanNothingAreThoseOfTheDataPlane(t *testing.T) {
	names := strings.Fields(`Forwarded Proxy Client-IP True-Client-IP Remote-User Remote-Addr X-Real-IP X-Forwarded X-Forwarded-For X-Forwarded-Host
		X-Banyan-User X-User X-User-Id X-Remote-User X-Authenticated-User X-Client-IP X-Cluster-Client-IP X-Original-URL X-Rewrite-URL X-Served-By
		X_Real_IP X_User_Id Keep-Alive Proxy-Connection Proxy-Authenticate Proxy-Authorization TE Trailer HTTP2-Settings Host Content-Length
		Transfer-Encoding Connection Upgrade Expect X-Request-Id Traceparent Cookie
		Strangler-Identity Strangler-Owner Strangler_Identity
		Authorization X-Api-Key X-Tenant Accept-Language X-Userland User-Agent`)
	for _, name := range names {
		_, err := config.Parse("g", fmt.Appendf(nil, policies, "", "", `, rate_limit: {requests: 1, per: 1s, by: "header:`+name+`"}`))
		if policy.Kind([]byte(name)) == policy.Forward {
			require.NoError(t, err, name)
		} else {
			require.Error(t, err, name)
		}
	}
}
