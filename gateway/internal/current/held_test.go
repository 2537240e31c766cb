package current_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/current"
)

func TestNothingMayOpenAHeldRoute(t *testing.T) {
	c := holder(t)
	text := func(revision int, routes string) []byte {
		return []byte(fmt.Sprintf("revision: %d\nowners: {a: {replicas: [{name: r, url: \"http://127.0.0.1:1\"}]}, b: {replicas: [{name: r, url: \"http://127.0.0.1:1\"}]}}\nroutes:\n%s", revision, routes))
	}
	const held, rest = "  - {name: held, match: {path: \"/a/*\", methods: [POST]}, owner: a}\n", "  - {name: rest, match: {path: \"/*\"}, owner: a}\n"
	require.NoError(t, c.Apply("file", "f", text(1, held+rest), current.Any))
	h, err := c.Holds().Hold([]string{"held"}, time.Minute)
	require.NoError(t, err)
	for name, routes := range map[string]string{
		"gone":       rest,
		"renamed":    "  - {name: other, match: {path: \"/a/*\", methods: [POST]}, owner: b}\n" + rest,
		"narrower":   "  - {name: held, match: {path: \"/a/b\", methods: [POST]}, owner: a}\n" + rest,
		"specific":   held + rest + "  - {name: new, match: {path: \"/a/b\"}, owner: b}\n",
		"a wildcard": held + rest + "  - {name: new, match: {path: \"/a/{x}\", methods: [GET, POST]}, owner: b}\n",
		"widened":    strings.Replace(held, "{name: held", "{name: rest, match: {path: \"/a/{x}\"}, owner: a}\n  - {name: held", 1),
		"its root":   held + rest + "  - {name: new, match: {path: \"/a\"}, owner: b}\n",
	} {
		require.ErrorIs(t, c.Apply("api", "body", text(2, routes), current.Any), current.ErrHeld, name)
	}
	require.NoError(t, c.Apply("api", "body", text(2, "  - {name: held, match: {path: \"/a/*\", methods: [POST]}, owner: b}\n"+rest+
		"  - {name: reads, match: {path: \"/a/b\", methods: [GET]}, owner: b}\n  - {name: elsewhere, match: {path: \"/b/*\"}, owner: b}\n"+
		"  - {name: behind, match: {path: \"/{x}/b\", methods: [GET, POST]}, owner: b}\n"), current.Any),
		"its owner may change: that is what a hold is for; so may what it doesn't take")
	require.NoError(t, c.Holds().Release(h.ID))
	require.NoError(t, c.Apply("api", "body", text(3, rest), current.Any))
}

// Either the hold is first and the change is refused, or the route is gone.
func TestAHoldAndAChangeDoNotOvertakeEachOther(t *testing.T) {
	c := holder(t)
	require.NoError(t, c.Apply("file", "f", text(1, "/a"), current.Any))
	for i := 2; i < 2000; i += 2 {
		changed := make(chan error, 1)
		go func() { changed <- c.Apply("file", "f", text(i, "/b"), current.Any) }()
		for range i % 100 { // now earlier, now later
			runtime.Gosched()
		}
		h, err := c.Hold(current.Wanted{Routes: []string{"/a"}, For: time.Minute})
		change := <-changed
		if err != nil {
			require.ErrorIs(t, err, current.ErrNoRoute)
			require.NoError(t, change)
		} else {
			require.ErrorIs(t, change, current.ErrHeld)
			require.NoError(t, c.Holds().Release(h.ID))
		}
		require.NoError(t, c.Apply("file", "f", text(i+1, "/a"), current.Any))
	}
}
