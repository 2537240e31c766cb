package config_test

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
)

func TestTheExampleIsValid(t *testing.T) {
	text, err := os.ReadFile("../../example.yaml")
	require.NoError(t, err)
	c, err := config.Parse("example.yaml", text)
	require.NoError(t, err)
	require.Equal(t, int64(1), c.Revision)
	require.Equal(t, text, c.Source)
}

func TestWhatIsSaidAndWhatIsLeftOut(t *testing.T) {
	c, err := config.Parse("gateway.yaml", []byte(`
revision: 7
owners:
  monolith:
    replicas:
      - {name: monolith-0, url: "http://127.0.0.1:41001"}
      - {name: monolith-1, url: "http://[::1]"}
    health: {path: /readyz, port: 9001, interval: 250ms, timeout: 300ms}
    balance: least_requests
    affinity: {session_cookie: banyan_session, home: monolith-0}
    timeout: 15s
  comments: {address: "http://comments:8080"}
routes:
  - {match: {path: "/api/v1/comments/*", methods: [GET, HEAD]}, owner: comments, timeout: 5s, max_body: 2MiB}
  - {match: {path: "/*"}, owner: monolith}
`))
	require.NoError(t, err)
	require.Equal(t, int64(7), c.Revision)
	comments, monolith := c.Owners[0], c.Owners[1]
	require.Equal(t, "http://comments:8080", comments.Address.String())
	require.Equal(t, config.Health{Path: "/livez", Interval: config.DefaultHealthInterval, Timeout: config.DefaultHealthTimeout}, comments.Health)
	require.Equal(t, config.RoundRobin, comments.Balance)
	require.Nil(t, comments.Affinity)
	require.Equal(t, "http://[::1]:80", monolith.Replicas[1].URL.String())
	require.Equal(t, config.Health{Path: "/readyz", Named: true, Port: "9001", Interval: 250 * time.Millisecond, Timeout: 300 * time.Millisecond}, monolith.Health)
	require.Equal(t, &config.Affinity{Cookie: "banyan_replica", SessionCookie: "banyan_session", Home: "monolith-0"}, monolith.Affinity)
	require.Equal(t, config.Route{
		Name: "GET,HEAD /api/v1/comments/*", Path: "/api/v1/comments/*", Methods: []string{"GET", "HEAD"}, Owner: "comments",
		Timeout: 5 * time.Second, MaxBody: 2 << 20, Hold: config.Hold{MaxWait: config.DefaultHoldWait, MaxRequests: config.DefaultHoldRequests},
	}, c.Routes[0])
	require.Equal(t, 15*time.Second, c.Routes[1].Timeout, "a route takes its owner's timeout")
}

func TestJSONIsReadToo(t *testing.T) {
	_, err := config.Parse("body", []byte(`{"owners":{"a":{"address":"http://a:1"}},"routes":[{"match":{"path":"/*"},"owner":"a"}]}`))
	require.NoError(t, err)
}

const owners = "owners:\n  monolith: {address: \"http://monolith:8080\"}\n"

// Each file has one mistake; the error names line, field, value and the mend.
func TestErrorsNameLineAndField(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown owner":       {owners + "routes:\n  - {match: {path: /a}, owner: monolith}\n  - match: {path: \"/*\"}\n    owner: monolit\n", `gateway.yaml:6: routes[1].owner: "monolit" is no owner; known: monolith`},
		"no owner":            {owners + "routes:\n  - {match: {path: /a}}\n", `gateway.yaml:4: routes[0].owner: is missing; known: monolith`},
		"unknown field":       {owners + "routes:\n  - {match: {path: /a}, owner: monolith, timeot: 5s}\n", `gateway.yaml:4: routes[0].timeot: is no field here; known: canary, hold, match, max_body, name, owner, rate_limit, resource, shadow, timeout`},
		"unknown at the root": {"owner: {}\n" + owners + "routes: [{match: {path: /a}, owner: monolith}]\n", `gateway.yaml:1: owner: is no field here; known: clients, identity, owners, resources, revision, routes`},
		"given twice":         {owners + "routes: [{match: {path: /a}, owner: monolith}]\nrevision: 1\nrevision: 2\n", `gateway.yaml:5: revision: is given twice`},
		"bad revision":        {"revision: -1\n" + owners + "routes: [{match: {path: /a}, owner: monolith}]\n", `gateway.yaml:1: revision: "-1" must be a whole number that isn't negative`},
		"bad duration":        {owners + "routes:\n  - {match: {path: /a}, owner: monolith, timeout: 5}\n", `gateway.yaml:4: routes[0].timeout: "5" must be a duration above 0, as in 500ms or 15s`},
		"bad size":            {owners + "routes:\n  - {match: {path: /a}, owner: monolith, max_body: lots}\n", `gateway.yaml:4: routes[0].max_body: "lots" must be a size above 0, as in 4096 or 5MiB`},
		"bad method":          {owners + "routes:\n  - {match: {path: /a, methods: [get]}, owner: monolith}\n", `gateway.yaml:4: routes[0].match.methods[0]: "get" is no method; write it in capitals, as in GET`},
		"relative pattern":    {owners + "routes:\n  - {match: {path: a}, owner: monolith}\n", `gateway.yaml:4: routes[0].match.path: "a" must begin with /`},
		"star in the middle":  {owners + "routes:\n  - {match: {path: /a/*/b}, owner: monolith}\n", `gateway.yaml:4: routes[0].match.path: "/a/*/b" has a * before its end; write {name} for one segment`},
		"no match":            {owners + "routes:\n  - {owner: monolith}\n", `gateway.yaml:4: routes[0].match: is missing; write match: {path: "/*"}`},
		"the same twice":      {owners + "routes:\n  - {match: {path: \"/a/{x}\"}, owner: monolith}\n  - {match: {path: \"/a/{y}\"}, owner: monolith}\n", `gateway.yaml:5: routes[1].match: matches the same as routes[0]: any method /a/{}`},
		"no routes":           {owners, `gateway.yaml:1: routes: is missing or empty; write at least - {match: {path: "/*"}, owner: ...}`},
		"no replicas":         {"owners:\n  a: {timeout: 1s}\nroutes: [{match: {path: /a}, owner: a}]\n", `gateway.yaml:2: owners.a: needs replicas or an address`},
		"bad balancer":        {"owners:\n  a: {address: \"http://a\", balance: random}\nroutes: [{match: {path: /a}, owner: a}]\n", `gateway.yaml:2: owners.a.balance: "random" is no balancer; known: least_requests, round_robin`},
		"https":               {"owners:\n  a: {address: \"https://a\"}\nroutes: [{match: {path: /a}, owner: a}]\n", `gateway.yaml:2: owners.a.address: "https://a" must begin with http://; owners stand behind the gateway, in its own network`},
		"path in a URL":       {"owners:\n  a: {address: \"http://a/b\"}\nroutes: [{match: {path: /a}, owner: a}]\n", `gateway.yaml:2: owners.a.address: "http://a/b" must be http://host:port and nothing more; paths are forwarded as they are`},
		"replica twice":       {"owners:\n  a:\n    replicas:\n      - {name: x, url: \"http://a\"}\n      - {name: x, url: \"http://b\"}\nroutes: [{match: {path: /a}, owner: a}]\n", `gateway.yaml:5: owners.a.replicas[1].name: "x" names another replica of a already`},
		"home unknown":        {"owners:\n  a:\n    replicas: [{name: x, url: \"http://a\"}]\n    affinity: {session_cookie: s, home: z}\nroutes: [{match: {path: /a}, owner: a}]\n", `gateway.yaml:4: owners.a.affinity.home: "z" is no replica of a; known: x`},
		"no session cookie":   {"owners:\n  a:\n    address: http://a\n    affinity: {cookie: c}\nroutes: [{match: {path: /a}, owner: a}]\n", `gateway.yaml:4: owners.a.affinity.session_cookie: is missing; name the application's session cookie`},
		"no YAML":             {"owners: [\n", `gateway.yaml:1: this is no YAML: did not find expected node content`},
		"no YAML in line 3":   {"owners:\n  a: {}\n  b: {c: ::}\nroutes: []\n", `gateway.yaml:3: this is no YAML: did not find expected node content`},
		"a tab":               {"owners:\n\ta: {}\n", `gateway.yaml:2: this is no YAML: found character that cannot start any token`},
		"empty":               {"", `gateway.yaml:1: the file is empty; it needs owners and routes`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := config.Parse("gateway.yaml", []byte(c.text))
			require.EqualError(t, err, c.want)
		})
	}
}

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	_, err := config.Parse("g", []byte(owners+"routes:\n  - {match: {path: a}, owner: x}\n  - {match: {path: b}, owner: y}\n"))
	var problems config.Errors
	require.ErrorAs(t, err, &problems)
	require.Len(t, problems, 4)
}
