package ramp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const commented = `# Who answers what. ünïcode: ok
revision: 7   # raise it
owners:
  monolith: {address: "http://monolith:8080"}
  next:     {address: "http://next:8080"}


routes:
  # The reads go first.
  - name: reads
    match: {path: "/a/*", methods: [GET, HEAD]}
    owner: monolith
    canary:
      # by user: nobody changes sides while he reads
      owner: next
      percent: 2.5     # see ramp
      by: user
  - {match: {path: "/*", methods: [GET]}, owner: monolith, canary: {owner: next, by: user, percent: "0"}}
  - {match: {path: "/*"}, owner: monolith}   # the rest
`

func TestOnlyTheShareAndTheRevisionChange(t *testing.T) {
	out, err := Edit([]byte(commented), "reads", 1050, 8)
	require.NoError(t, err)
	want := strings.NewReplacer("revision: 7 ", "revision: 8 ", "percent: 2.5 ", "percent: 10.5 ").Replace(commented)
	require.Equal(t, want, string(out))

	out, err = Edit([]byte(commented), "GET /*", 100, 9)
	require.NoError(t, err)
	want = strings.NewReplacer("revision: 7 ", "revision: 9 ", `percent: "0"`, "percent: 1").Replace(commented)
	require.Equal(t, want, string(out))
}

func TestWhatIsMissingIsAdded(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"block": {
			"owners: {}\nroutes:\n  - name: r\n    canary:\n      owner: next\n    match: {path: /}\n",
			"revision: 3\nowners: {}\nroutes:\n  - name: r\n    canary:\n      percent: 5\n      owner: next\n    match: {path: /}\n",
		},
		"flow": {"{owners: {}, routes: [{name: r, canary: {owner: next}}]}", "{revision: 3, owners: {}, routes: [{name: r, canary: {percent: 5, owner: next}}]}"},
		"JSON": {`{"routes": [{"name": "r", "canary": {"owner": "next"}}]}`, `{"revision": 3, "routes": [{"name": "r", "canary": {"percent": 5, "owner": "next"}}]}`},
		"after a comment": {
			"# mine\n\nroutes:\n- {name: r, canary: {owner: next, percent: 1}}\n",
			"# mine\n\nrevision: 3\nroutes:\n- {name: r, canary: {owner: next, percent: 5}}\n",
		},
	} {
		out, err := Edit([]byte(c.text), "r", 500, 3)
		require.NoError(t, err, name)
		require.Equal(t, c.want, string(out), name)
	}
}

func TestAFileThatCanNotBeEditedSaysWhy(t *testing.T) {
	for text, want := range map[string]string{
		commented:                            `there is no route "writes": the file has "reads", "GET /*", "/*"`,
		"routes: [{name: writes, owner: a}]": `route "writes" has no canary: write canary: {owner: ...`,
		"routes: [{name: writes, canary: {owner: a, percent: lots}}]":        `canary.percent of route "writes", line 1: "lots" is no share`,
		"revision: one\nroutes: [{name: writes, canary: {owner: a}}]":        `revision, line 1: "one" is no whole number`,
		"x: &p 5\nroutes: [{name: writes, canary: {owner: a, percent: *p}}]": "line 1 holds no plain number",
		"routes: [": "parse the gateway's file",
		"":          "holds no mapping",
	} {
		_, err := Edit([]byte(text), "writes", 500, 3)
		require.ErrorContains(t, err, want)
	}
}

func TestSharesAreHundredthsOfAPercent(t *testing.T) {
	for text, want := range map[string]Share{"0": 0, "2.5": 250, "0.01": 1, "100": Everybody, " 25": 2500} {
		got, err := ParseShare(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
	}
	for _, text := range []string{"", "-1", "101", "0.001", "x", "1,5"} {
		_, err := ParseShare(text)
		require.ErrorContains(t, err, "in steps of 0.01", text)
	}
	all, err := ParseShares("1, 5,25")
	require.NoError(t, err)
	require.Equal(t, []Share{100, 500, 2500}, all)
	_, err = ParseShares("5,1")
	require.ErrorContains(t, err, "rising")
	require.Equal(t, "2.5 %", Share(250).String())
}
