package policy_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/policy"
)

// The first route in order that takes a request alone is the one that answers it
// among all.
func TestTheOrderOfRoutesIsThatOfMatching(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 9))
	answered := 0
	for range 300 {
		table := policy.New(someRoutes(t, random))
		order := table.InOrder()
		require.Len(t, order, len(table.Routes))
		for range 20 {
			req := &policy.Request{Method: []byte(one(random, "GET", "PUT", "HEAD")), Path: []byte(somePath(random, "a", "b", "c"))}
			var first *policy.Route
			for _, r := range order {
				if r.TakesPath(req.Path) && r.TakesMethod(string(req.Method)) {
					first = r
					break
				}
			}
			require.Same(t, table.Match(req), first, "%s %s", req.Method, req.Path)
			if first != nil {
				answered++
			}
		}
	}
	require.Greater(t, answered, 1000)
}

func one(random *rand.Rand, of ...string) string { return of[random.IntN(len(of))] }

func somePath(random *rand.Rand, of ...string) string {
	var b strings.Builder
	for range random.IntN(4) + 1 {
		b.WriteString("/" + one(random, of...))
	}
	return b.String()
}

// someRoutes leaves out what another route takes already.
func someRoutes(t *testing.T, random *rand.Rand) *config.Config {
	t.Helper()
	text := "owners: {o: {address: \"http://o\"}}\nroutes:\n"
	var parsed *config.Config
	for i := range 12 {
		path := somePath(random, "a", "b", "{x}", "{y}")
		path += one(random, "", "", "/*", "/")
		methods := one(random, "", ", methods: [GET]", ", methods: [PUT, GET]")
		with := text + fmt.Sprintf("  - {name: r%d, owner: o, match: {path: %q%s}}\n", i, path, methods)
		c, err := config.Parse("g", []byte(with))
		if err == nil {
			text, parsed = with, c
		}
	}
	return parsed
}
