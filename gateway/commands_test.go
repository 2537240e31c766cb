package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/policy"
)

// gateway runs a command as a shell would, and returns what it printed.
func gatewayCommand(t *testing.T, stdin string, args ...string) (out, hints string, err error) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	root := command()
	root.SetIn(strings.NewReader(stdin))
	root.SetOut(&stdout)
	root.SetErr(&stderr)
	root.SetArgs(args)
	err = root.Execute()
	return stdout.String(), stderr.String(), err
}

func written(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "gateway.yaml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

const twoOwners = `
revision: 3
clients: {session_cookie: session, rate_limit: {requests: 200, per: 1s, by: session}}
owners:
  monolith:
    replicas: [{name: monolith-0, url: "http://127.0.0.1:1"}, {name: monolith-1, url: "http://127.0.0.1:2"}]
    affinity: {session_cookie: session, home: monolith-0}
    breaker: {}
    max_in_flight: 64
  comments: {address: "http://127.0.0.1:3"}
routes:
  - {match: {path: "/*"}, owner: monolith}
  - name: comments
    match: {path: "/posts/{id}/comments", methods: [GET]}
    owner: monolith
    timeout: 3s
    max_body: 1MiB
    canary: {owner: comments, percent: 50}
    shadow: {owner: comments, percent: 0.5}
    rate_limit: {requests: 20, per: 1m, by: "header:X-Api-Key"}
  - {name: write, match: {path: "/posts/{id}/comments", methods: [POST]}, owner: monolith}
  - {name: posts, match: {path: "/posts/*"}, owner: monolith}
  - {name: sevens, match: {path: "/posts/7/*", methods: [PUT]}, owner: monolith}
`

func TestValidateSaysWhatIsThere(t *testing.T) {
	file := written(t, twoOwners)
	out, _, err := gatewayCommand(t, "", "validate", file)
	require.NoError(t, err)
	require.Equal(t, file+` is valid, revision 3
  2 owners  comments (http://127.0.0.1:3), monolith (2 replicas, affinity, breaker, at most 64 in flight)
  5 routes  /*, comments, write, posts, sevens
  policies  every route: limit of 200 per 1s, bursts of 200, by session; comments: canary 50 % to comments by user; comments: shadow 0.5 % to comments; comments: bodies up to 1MiB; comments: limit of 20 per 1m0s, bursts of 20, by header:X-Api-Key
`, out)

	out, _, err = gatewayCommand(t, configFor(t, 0, "http://127.0.0.1:1"), "validate", "-")
	require.NoError(t, err)
	require.Equal(t, "stdin is valid, without a revision\n  1 owner   app (1 replica)\n  1 route   /*\n  policies  none beyond the defaults\n", out)
}

func TestValidateGoesThroughAllFiles(t *testing.T) {
	bad := written(t, "owners:\n  a: {address: \"http://a\"}\nroutes:\n  - {match: {path: /x}, owner: b}\n")
	none := filepath.Join(t.TempDir(), "none.yaml")
	out, _, err := gatewayCommand(t, "", "validate", bad, none, "example.yaml")
	require.ErrorContains(t, err, bad+`:4: routes[0].owner: "b" is no owner; known: a`)
	require.ErrorContains(t, err, none)
	require.Contains(t, out, "example.yaml is valid, revision 1\n")
	_, _, err = gatewayCommand(t, "", "validate")
	require.Error(t, err)
}

func TestRoutesAreListedInTheOrderOfPrecedence(t *testing.T) {
	file := written(t, twoOwners)
	out, _, err := gatewayCommand(t, "", "routes", file)
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Len(t, lines, 6)
	require.Regexp(t, `^NAME +METHODS +PATH +OWNER +TIMEOUT +POLICIES$`, lines[0])
	names := []string{}
	for _, line := range lines[1:] {
		names = append(names, strings.Fields(line)[0])
	}
	require.Equal(t, []string{"sevens", "comments", "write", "posts", "/*"}, names)

	out, _, err = gatewayCommand(t, "", "routes", file, "--json")
	require.NoError(t, err)
	var list []listed
	require.NoError(t, json.Unmarshal([]byte(out), &list))
	require.Equal(t, listed{
		Name: "comments", Methods: []string{"GET"}, Path: "/posts/{id}/comments", Owner: "monolith", Timeout: "3s",
		Policies: []string{"canary 50 % to comments by user", "shadow 0.5 % to comments", "bodies up to 1MiB", "limit of 20 per 1m0s, bursts of 20, by header:X-Api-Key"},
	}, list[1])
}

func decided(t *testing.T, args ...string) decision {
	t.Helper()
	out, _, err := gatewayCommand(t, "", append([]string{"routes", written(t, twoOwners), "--json"}, args...)...)
	var d decision
	require.NoError(t, json.Unmarshal([]byte(out), &d))
	require.Equal(t, d.Refused != nil, err != nil)
	return d
}

func (d *decision) fact(name string) string {
	for _, f := range d.InForce {
		if f.Policy == name {
			return f.Says
		}
	}
	return ""
}

func TestRoutesSayWhoAnswersAndWhy(t *testing.T) {
	d := decided(t, "GET", "/posts//%37/./comments?page=2")
	require.Equal(t, "/posts/7/comments", d.Canonical)
	require.Equal(t, "comments", d.Route)
	require.Equal(t, 0, d.Others)
	require.Equal(t, []candidate{
		{"sevens", "PUT", "/posts/7/*", false, "does not take GET"},
		{"comments", "GET", "/posts/{id}/comments", true, "the most specific pattern that takes GET"},
		{"write", "POST", "/posts/{id}/comments", false, "does not take GET"},
		{"posts", "any", "/posts/*", false, "* takes any rest, where the other one names {id}"},
		{"/*", "any", "/*", false, "* takes any rest, where the other one names posts"},
	}, d.Considered)
	require.Equal(t, "up to 1MiB; longer ones get 413", d.fact("body"))
	require.Equal(t, "3s", d.fact("timeout"))
	require.Equal(t, "200 per 1s, bursts of 200, by session; this client has none, and is known by its address", d.fact("limit, all routes"))
	require.Equal(t, "0.5 % of the requests are copied to comments, without bodies and without credentials but those passed", d.fact("shadow"))
	require.Equal(t, "waits 5s at most, 1000 requests at once; then 503", d.fact("while held"))

	d = decided(t, "PUT", "/posts/7/x")
	require.Equal(t, "sevens", d.Route)
	require.Equal(t, "{id} takes any segment, where the other one names 7", lessSpecific("/posts/{id}/x", "/posts/7/*"))
	require.Equal(t, 2, d.Others)

	d = decided(t, "DELETE", "/posts/7/comments", "--header", "Cookie: a=b; session=7")
	require.Equal(t, "posts", d.Route)
	require.Nil(t, d.Canary)
	require.Equal(t, "monolith-0, the home of sessions without banyan_replica", d.fact("replica"))
	require.Empty(t, d.fact("shadow"))
}

// The command's word is the table's: the same bucket, and in or not by the share.
func TestRoutesTellTheBucketOfAClient(t *testing.T) {
	c, err := config.Parse("g", []byte(twoOwners))
	require.NoError(t, err)
	canary := policy.New(c).Routes[1].Canary
	sides := map[bool]int{}
	for i := range 16 {
		user := strings.Repeat(strconv.FormatInt(int64(i), 16), 32)
		d := decided(t, "GET", "/posts/1/comments", "--cookie", config.UserCookie+"="+user)
		require.Equal(t, canary.Bucket([]byte(user)), *d.Canary.Bucket)
		require.Equal(t, *d.Canary.Bucket < 5000, d.Canary.In)
		require.Equal(t, map[bool]string{true: "comments", false: "monolith"}[d.Canary.In], d.Owner)
		require.Equal(t, d.Canary.In, strings.HasPrefix(d.fact("shadow"), "not copied"))
		sides[d.Canary.In]++
	}
	require.Len(t, sides, 2, "both sides are there")

	d := decided(t, "GET", "/posts/1/comments")
	require.Nil(t, d.Canary.Bucket)
	require.Empty(t, d.Owner)
	require.Equal(t, []string{"monolith", "comments"}, d.Either)
}

func TestRoutesSayWhatIsRefused(t *testing.T) {
	for target, want := range map[string]int{
		"/a%2fb": 400, "a": 400, "http://a/b": 400, "/a#b": 400, "/metrics": 404, "/x/../_strangler/": 404,
	} {
		d := decided(t, "GET", target)
		require.NotNil(t, d.Refused, target)
		require.Equal(t, want, d.Refused.Status, target)
		require.Empty(t, d.Owner)
	}
	require.Equal(t, 501, decided(t, "TRACE", "/").Refused.Status)

	file := written(t, "owners: {a: {address: \"http://a\"}}\nroutes: [{match: {path: /a, methods: [GET]}, owner: a}]\n")
	out, _, err := gatewayCommand(t, "", "routes", file, "POST", "/a")
	require.EqualError(t, err, "routes: POST /a would be answered 404 by the gateway itself")
	require.Contains(t, out, "does not take POST")
	require.Contains(t, out, "404: no route takes this path and method")
	for _, args := range [][]string{{"GET"}, {"GET", "/", "--header", "none"}, {"GET", "/", "--cookie", "none"}, {"GET", "/", "--client", "there"}} {
		_, _, err = gatewayCommand(t, "", append([]string{"routes", file}, args...)...)
		require.Error(t, err, args)
	}
}

func TestATestersTokenIsTakenByTheRoutes(t *testing.T) {
	t.Setenv("CANARY_KEY", "0123456789abcdef0123456789abcdef")
	out, _, err := gatewayCommand(t, "", "tester", "--owner", "comments", "--for", "2h")
	require.NoError(t, err)
	token := regexp.MustCompile(`X-Canary: (\S+)\n`).FindStringSubmatch(out)[1]
	require.Contains(t, out, "cookie   banyan_canary="+token+"\n")

	for _, how := range [][]string{{"--header", "X-Canary: " + token}, {"--cookie", "banyan_canary=" + token}} {
		d := decided(t, append([]string{"GET", "/posts/1/comments"}, how...)...)
		require.Equal(t, "comments", d.Owner)
		require.Equal(t, "a tester's token chooses it", d.Why)
		require.Equal(t, "valid for comments", d.Canary.Token)
	}
	d := decided(t, "GET", "/posts/1/comments", "--header", "X-Canary: "+token+"x")
	require.Equal(t, "not valid: forged, over, or made with another key", d.Canary.Token)
	t.Setenv("CANARY_KEY", "")
	d = decided(t, "GET", "/posts/1/comments", "--header", "X-Canary: "+token)
	require.Equal(t, "not checked: set CANARY_KEY to the gateway's", d.Canary.Token)
	require.Empty(t, d.Owner)
	require.Equal(t, []string{"monolith", "comments"}, d.Either)
}

func TestTesterRefusesWhatWouldNotCount(t *testing.T) {
	t.Setenv("CANARY_KEY", "")
	_, _, err := gatewayCommand(t, "", "tester", "--owner", "comments")
	require.ErrorContains(t, err, "CANARY_KEY: a key for testers' tokens needs 16 bytes or more")
	t.Setenv("CANARY_KEY", "0123456789abcdef")
	for _, args := range [][]string{{}, {"--owner", "a b"}, {"--owner", "a", "--for", "0s"}, {"--owner", "a", "--for", "721h"}} {
		_, _, err = gatewayCommand(t, "", append([]string{"tester"}, args...)...)
		require.Error(t, err, args)
	}
	out, _, err := gatewayCommand(t, "", "tester", "--owner", "a")
	require.NoError(t, err)
	require.Regexp(t, `^a answers whoever sends one of these, until `+time.Now().Add(8*time.Hour).Format("2006-01-02"), out)
}

const moves = `
clients: {session_cookie: session}
identity: {owner: monolith}
resources: {comments: {owner: comments, epoch: 2}}
owners:
  monolith: {address: "http://127.0.0.1:1"}
  comments: {address: "http://127.0.0.1:3", identity: true}
routes:
  - {match: {path: "/api/"}, owner: monolith}
  - {name: read, match: {path: "/c", methods: [GET]}, resource: comments, canary: {owner: comments, percent: 50}}
  - {name: write, match: {path: "/c", methods: [POST]}, resource: comments, max_body: 32KiB}
`

func TestWhatMovesAndWhatIsHardlyMeantIsSaid(t *testing.T) {
	file := written(t, moves)
	out, _, err := gatewayCommand(t, "", "validate", file)
	require.NoError(t, err)
	require.Equal(t, file+` is valid, without a revision
  2 owners  comments (http://127.0.0.1:3, told who asks), monolith (http://127.0.0.1:1)
  1 resource comments (of comments, epoch 2)
  identity  monolith says who asks; the gateway needs IDENTITY_KEY
  3 routes  /api/, read, write
  policies  read: where comments is; read: a canary that rests; write: where comments is; write: bodies up to 32KiB
  warning   routes[0].match.path: "/api/" takes this one path and nothing below it; write "/api/*" for all of it
`, out)
	out, _, err = gatewayCommand(t, "", "routes", file, "POST", "/c", "--cookie", "session=7")
	require.NoError(t, err)
	require.Contains(t, out, "answered by  comments\n")
	require.Regexp(t, `body +up to 32KiB; longer ones get 413; up to 32KiB can follow the resource\n`, out)
	require.Regexp(t, `resource +comments, which is comments's in epoch 2; whoever has it answers\n`, out)
	require.Regexp(t, `identity +monolith is asked whose session it is, within 2s; without an answer 503\n`, out)
	out, _, err = gatewayCommand(t, "", "routes", file, "POST", "/c")
	require.NoError(t, err)
	require.Regexp(t, `identity +nobody's: the request has no session\n`, out)
}

func TestRoutesFailWhereTheGatewayWouldRefuse(t *testing.T) {
	file := written(t, moves)
	for _, path := range []string{"/nowhere", "/internal/identity", "/a%2fb"} {
		out, _, err := gatewayCommand(t, "", "routes", file, "GET", path)
		require.ErrorContains(t, err, "would be answered 40")
		require.Contains(t, out, "refused", "and says why")
	}
}

func TestAFileWithoutACommandIsNoCommand(t *testing.T) {
	file := written(t, moves)
	_, _, err := gatewayCommand(t, "", file)
	require.ErrorContains(t, err, "CONFIG_FILE="+file+" gateway")
	_, _, err = gatewayCommand(t, "", "no-such-thing")
	require.ErrorContains(t, err, "unknown command")
}
