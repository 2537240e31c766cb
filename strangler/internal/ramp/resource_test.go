package ramp_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/ramp"
)

const owned = `# who writes what
revision: 7 # of the test
resources:
  comments: {owner: monolith, epoch: 3} # since March
  posts:
    owner: "monolith"
    epoch: 1
owners: {monolith: {address: x}, comments: {address: y}}
routes:
  - {name: read, match: {path: /a, methods: [GET, HEAD]}, resource: comments, canary: {owner: comments, percent: 5}}
  - {match: {path: /a, methods: [POST]}, resource: comments}
  - {name: any, match: {path: /b}, resource: comments}
  - {name: rest, match: {path: "/*"}, owner: monolith}
`

func TestWhoOwnsWhatIsReadFromAGatewaysFile(t *testing.T) {
	is, err := ramp.LookupOwner([]byte(owned), "comments")
	require.NoError(t, err)
	require.Equal(t, ramp.Ownership{Owner: "monolith", Epoch: 3, Revision: 7,
		Routes: []string{"read", "POST /a", "any"}, Writes: []string{"POST /a", "any"}}, is)
	names, err := ramp.Resources([]byte(owned))
	require.NoError(t, err)
	require.Equal(t, []string{"comments", "posts"}, names)
	_, err = ramp.LookupOwner([]byte(owned), "tags")
	require.ErrorContains(t, err, `no resource "tags": the gateway's file has [comments, posts]`)
	_, err = ramp.LookupOwner([]byte("resources: {comments: {owner: a, epoch: one}}"), "comments")
	require.ErrorContains(t, err, `epoch is "one", which is no whole number`)
	policy, err := ramp.Lookup([]byte(owned), "read")
	require.NoError(t, err)
	require.Equal(t, "monolith", policy.Owner, "the resource's")
}

func TestAMoveChangesThreeValuesAndNoOtherByte(t *testing.T) {
	out, err := ramp.EditOwner([]byte(owned), "comments", "comments", 4, 8)
	require.NoError(t, err)
	require.Equal(t, `# who writes what
revision: 8 # of the test
resources:
  comments: {owner: comments, epoch: 4} # since March
`+owned[len(`# who writes what
revision: 7 # of the test
resources:
  comments: {owner: monolith, epoch: 3} # since March
`):], string(out))
	quoted, err := ramp.EditOwner([]byte(owned), "posts", "comments", 2, 8)
	require.NoError(t, err)
	is, err := ramp.LookupOwner(quoted, "posts")
	require.NoError(t, err)
	require.Equal(t, "comments", is.Owner)
	_, err = ramp.EditOwner([]byte(owned), "tags", "comments", 2, 8)
	require.ErrorContains(t, err, "no resource")
}
