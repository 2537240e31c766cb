package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
)

// moving is a file with a resource and who is told who asks.
const moving = `clients: {session_cookie: session}
identity: {owner: monolith}
resources: {comments: {owner: monolith, epoch: 3}}
owners:
  monolith: {address: "http://monolith", timeout: 15s}
  comments: {address: "http://comments", timeout: 5s, identity: true}
routes:
  - {name: write, match: {path: /c, methods: [POST]}, resource: comments}
  - {name: read, match: {path: /c, methods: [GET]}, resource: comments, canary: {owner: comments, percent: 100}, shadow: {owner: comments, pass: {identity: true}}}
  - {match: {path: "/*"}, owner: monolith}
`

func TestARouteHasTheOwnerOfItsResource(t *testing.T) {
	c, err := config.Parse("g", []byte(moving))
	require.NoError(t, err)
	require.Equal(t, &config.Identity{Owner: "monolith", Path: "/internal/identity", Timeout: 2 * time.Second, Life: 30 * time.Second}, c.Identity)
	require.Equal(t, []config.Resource{{Name: "comments", Owner: "monolith", Epoch: 3}}, c.Resources)
	require.True(t, c.Owners[0].Identity)
	require.False(t, c.Owners[1].Identity)
	require.Equal(t, "monolith", c.Routes[0].Owner)
	require.Equal(t, 15*time.Second, c.Routes[0].Timeout)
	require.Equal(t, "comments", c.Routes[1].Canary.Owner)
	require.Equal(t, 5*time.Second, c.Routes[1].Canary.Timeout)
	require.True(t, c.Routes[1].Shadow.Pass.Identity)
	require.Equal(t, []string{"write", "read"}, c.RoutesOf("comments"))
	require.Empty(t, c.RoutesOf(""))
	require.Equal(t, int64(3), c.Resource("comments").Epoch)
	require.Nil(t, c.Resource("posts"))
}

// The move changes one line of the file and no other: canaries and shadows of the new
// owner rest as long as it answers anyway.
func TestAMovedResourceTakesItsRoutesAlong(t *testing.T) {
	c, err := config.Parse("g", []byte(strings.Replace(moving, "{owner: monolith, epoch: 3}", "{owner: comments, epoch: 4}", 1)))
	require.NoError(t, err)
	for _, r := range c.Routes[:2] {
		require.Equal(t, "comments", r.Owner)
		require.Equal(t, 5*time.Second, r.Timeout)
		require.Nil(t, r.Canary)
		require.Nil(t, r.Shadow)
	}
	require.Equal(t, config.WholeShare, c.Routes[1].Resting.Canary.Share)
	require.Equal(t, "comments", c.Routes[1].Resting.Shadow.Owner)
	require.Equal(t, "monolith", c.Routes[2].Owner)
}

func TestIdentityAndResourcesThatAreRefused(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"epoch: 3", "epoch: 0", `g:3: resources.comments.epoch: "0" must be a whole number above 0; each move makes it one more at least`},
		{", epoch: 3", "", `g:3: resources.comments.epoch: is missing; write epoch: 1 before the first move`},
		{"{owner: monolith, epoch", "{epoch", `g:3: resources.comments.owner: is missing; name the owner that has it`},
		{"{owner: monolith, epoch", "{owner: x, epoch", `g:3: resources.comments.owner: "x" is no owner; known: comments, monolith`},
		{"resources: {comments: {owner: monolith, epoch: 3}}", "resources: []", "g:3: resources: must map names to resources, as in comments: {owner: monolith, epoch: 1}\n" +
			"g:8: routes[0].resource: \"comments\" is no resource; known: none; write resources: {comments: {owner: ..., epoch: 1}} at the top of the file\n" +
			"g:9: routes[1].resource: \"comments\" is no resource; known: none; write resources: {comments: {owner: ..., epoch: 1}} at the top of the file"},
		{"[POST]}, resource: comments", "[POST]}, resource: posts", `g:8: routes[0].resource: "posts" is no resource; known: comments`},
		{"[POST]}, resource: comments", "[POST]}, resource: comments, owner: monolith", `g:8: routes[0].owner: beside resource means nothing: the resource's owner answers; leave one out`},
		{"resources: {comments:", "resources: {com ments: {owner: monolith, epoch: 1}, comments:", `g:3: resources.com ments: "com ments" is no name; use letters, digits, - _ .`},
		{"identity: {owner: monolith}", "identity: {owner: x}", `g:2: identity.owner: "x" is no owner; known: comments, monolith`},
		{"identity: {owner: monolith}", "identity: {path: /who}", `g:2: identity.owner: is missing; name the owner that knows whom a session belongs to`},
		{"identity: {owner: monolith}", "identity: {owner: monolith, life: 1h}", `g:2: identity.life: 1h0m0s must be from 5s to 5m0s: a request on its way, and no more`},
		{"clients: {session_cookie: session}\n", "\n", `g:2: identity: needs clients.session_cookie: it is by this cookie that the owner knows who asks`},
		{"identity: {owner: monolith}\n", "\n", "g:6: owners.comments.identity: needs who is asked; write identity: {owner: ...} at the top of the file\n" +
			"g:9: routes[1].shadow.pass.identity: needs who is asked; write identity: {owner: ...} at the top of the file"},
		{"identity: true}\nroutes", "identity: yes}\nroutes", `g:6: owners.comments.identity: "yes" must be true or false`},
	} {
		_, err := config.Parse("g", []byte(strings.Replace(moving, c.from, c.to, 1)))
		require.EqualError(t, err, c.want, c.to)
	}
}
