package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
)

func TestWhatAFileHardlyMeansIsSaid(t *testing.T) {
	c, err := config.Parse("g", []byte(`clients: {session_cookie: s}
identity: {owner: a}
resources: {x: {owner: a, epoch: 1}, y: {owner: a, epoch: 1}}
owners: {a: {address: "http://a"}}
routes:
  - {match: {path: /api/}, owner: a}
  - {match: {path: "/u/:id"}, owner: a}
  - {match: {path: "/u/<id>/x"}, owner: a}
  - {match: {path: /c}, resource: x, max_body: 2MiB}
  - {match: {path: "/:"}, owner: a}
  - {match: {path: /}, owner: a}
  - {match: {path: "/*"}, owner: a}
`))
	require.NoError(t, err)
	require.Equal(t, []string{
		`routes[0].match.path: "/api/" takes this one path and nothing below it; write "/api/*" for all of it`,
		`routes[1].match.path: "/u/:id" takes the segment ":id" as it is written; write {id} for any`,
		`routes[2].match.path: "/u/<id>/x" takes the segment "<id>" as it is written; write {id} for any`,
		`routes[3].max_body: bodies above 1MiB are streamed, and can't be sent again to another owner of x`,
		`resources.y: no route is about it; write resource: y in place of owner where it is`,
		`identity: nobody is told who asks; write identity: true at the owners that want to know`,
	}, c.Doubts())
	c, err = config.Parse("g", []byte(moving))
	require.NoError(t, err)
	require.Empty(t, c.Doubts())
}
