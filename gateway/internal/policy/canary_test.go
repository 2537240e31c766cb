package policy

import (
	"encoding/hex"
	"math"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"banyan.dev/gateway/internal/config"
)

const twoOwners = `
clients: {session_cookie: app_session}
owners:
  monolith: {replicas: [{name: m0, url: "http://127.0.0.1:1"}]}
  comments: {replicas: [{name: c0, url: "http://127.0.0.1:2"}]}
  other: {replicas: [{name: o0, url: "http://127.0.0.1:3"}]}
routes:
  - {match: {path: "/*"}, owner: monolith, canary: {owner: comments, percent: PERCENT, by: BY}}
`

// canaryRoute is the route of a parsed file, with testers' tokens allowed.
func canaryRoute(t interface{ Fatal(...any) }, percent, by string) (*Route, *Keys) {
	c, err := config.Parse("gateway.yaml", []byte(strings.NewReplacer("PERCENT", percent, "BY", by).Replace(twoOwners)))
	if err != nil {
		t.Fatal(err)
	}
	table := New(c)
	table.override = testersKey
	keys := &Keys{}
	keys.Reset(table)
	return table.Routes[0], keys
}

var testersKey = []byte("0123456789abcdef")

func user(n int) [][]byte {
	id := hex.EncodeToString([]byte{15: 0, 0: byte(n), 1: byte(n >> 8), 2: byte(n >> 16)})
	return [][]byte{[]byte(config.UserCookie + "=" + id)}
}

// The same numbers for ever (xxHash64 of the key, seeded with that of the salt): a gateway of another version, or written anew, must not
// move anybody. A change of this table is a change for people.
func TestBucketsNeverChange(t *testing.T) {
	c := NewCanary(&config.Canary{Salt: "comments"}, nil)
	for key, want := range map[string]int{"a": 7098, "0123456789abcdef0123456789abcdef": 7325, "alice@example.org": 2098} {
		require.Equal(t, want, c.Bucket([]byte(key)), key)
	}
}

func TestWhoIsInStaysInAtEveryLargerShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := []byte(rapid.String().Draw(t, "key"))
		if len(key) == 0 {
			return
		}
		small := rapid.IntRange(0, config.WholeShare).Draw(t, "small")
		large := rapid.IntRange(small, config.WholeShare).Draw(t, "large")
		c := NewCanary(&config.Canary{Salt: rapid.String().Draw(t, "salt")}, nil)
		if in := c.Bucket(key) < small; in && c.Bucket(key) >= large {
			t.Fatalf("in at %d, out at %d", small, large)
		}
	})
}

func TestTheShareIsWhatItSays(t *testing.T) {
	for _, percent := range []string{"0", "0.01", "1", "5", "25", "50", "99.99", "100"} {
		route, keys := canaryRoute(t, percent, "user")
		const all = 200_000
		in := 0
		for n := range all {
			if route.Side(&Request{Cookies: user(n)}, keys).Canary {
				in++
			}
		}
		want := float64(route.Canary.Share) / config.WholeShare * all
		require.InDelta(t, want, in, 4*math.Sqrt(want)+1, "%s %%", percent)
	}
}

func TestSaltsChooseDifferentClients(t *testing.T) {
	a, b := NewCanary(&config.Canary{Salt: "a"}, nil), NewCanary(&config.Canary{Salt: "b"}, nil)
	both := 0
	for n := range 20_000 {
		key := user(n)[0]
		if a.Bucket(key) < 1000 && b.Bucket(key) < 1000 {
			both++
		}
	}
	require.InDelta(t, 200, both, 60, "a tenth of a tenth")
}

func TestAClientIsKnownByWhatTheFileSays(t *testing.T) {
	cookies := func(text string) Request { return Request{Cookies: [][]byte{[]byte(text)}} }
	for by, known := range map[string]Request{
		"user":              {Cookies: user(7)},
		"session":           cookies("a=b; __Host-app_session=xyz"),
		`"cookie:plan"`:     cookies("plan=gold"),
		`"header:x-tenant"`: {Headers: fixed{"X-Tenant": "acme"}},
		"address":           {Client: netip.MustParseAddr("2001:db8::1")},
	} {
		route, keys := canaryRoute(t, "100", by)
		require.True(t, route.Side(&known, keys).Canary, by)
		keys.Reset(keys.table)
		side := route.Side(&Request{}, keys)
		if by == "user" {
			require.True(t, side.Canary && side.Mint && len(keys.User()) == 32, "a cookie is made, and counts at once")
			continue
		}
		require.False(t, side.Canary, "%s: without the key the owner answers", by)
	}
}

type fixed map[string]string

func (f fixed) Value(name string) []byte {
	for k, v := range f {
		if strings.EqualFold(k, name) {
			return []byte(v)
		}
	}
	return nil
}

func TestAUserCookieThatIsNotOursIsReplaced(t *testing.T) {
	route, keys := canaryRoute(t, "50", "user")
	for _, forged := range []string{"", "x", strings.Repeat("0", 31), strings.Repeat("G", 32), strings.Repeat("0", 33)} {
		keys.Reset(keys.table)
		side := route.Side(&Request{Cookies: [][]byte{[]byte(config.UserCookie + "=" + forged)}}, keys)
		require.True(t, side.Mint, forged)
	}
	keys.Reset(keys.table)
	require.False(t, route.Side(&Request{Cookies: user(1)}, keys).Mint)
}

func TestATestersTokenChoosesTheOwner(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	token := func(owner string, until time.Time) []byte { return []byte(MintOverride(testersKey, owner, until)) }
	in, later := token("comments", now.Add(time.Hour)), now.Add(2*time.Hour)
	route, keys := canaryRoute(t, "0", "user")
	side := func(r Request) Side {
		keys.Reset(keys.table)
		return route.Side(&r, keys)
	}
	require.True(t, side(Request{Now: now, Tester: in}).Canary)
	require.True(t, side(Request{Now: now, Cookies: [][]byte{append([]byte(config.OverrideCookie+"="), in...)}}).Canary)
	require.False(t, side(Request{Now: later, Tester: in}).Canary, "over")
	require.False(t, side(Request{Now: now, Tester: token("other", later)}).Canary, "an owner that is none of this route's")

	whole, keys := canaryRoute(t, "100", "user")
	back := whole.Side(&Request{Now: now, Tester: token("monolith", later)}, keys)
	require.True(t, back.Overridden && !back.Canary, "a token for the old owner leads back")

	keys.table.override = nil
	require.False(t, route.Side(&Request{Now: now, Tester: in}, keys).Canary, "no key, no testers")
}

func TestNobodyForgesATestersToken(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	good := MintOverride(testersKey, "comments", now.Add(time.Hour))
	owner, ok := CheckOverride(testersKey, []byte(good), now)
	require.True(t, ok)
	require.Equal(t, "comments", string(owner))
	for name, bad := range map[string]string{
		"nothing": "", "dots": "..", "no signature": "comments.1800003600.", "another key": MintOverride([]byte("another key, as long"), "comments", now.Add(time.Hour)),
		"longer": strings.Replace(good, "1800003600", "1900003600", 1), "another owner": strings.Replace(good, "comments", "comment", 1),
		"padding": good + "=", "no number": "comments.x." + good[strings.LastIndex(good, ".")+1:], "cut": good[:len(good)-1],
	} {
		_, ok := CheckOverride(testersKey, []byte(bad), now)
		require.False(t, ok, name)
	}
	for i := range good { // any single bit
		broken := []byte(good)
		broken[i] ^= 1
		_, ok := CheckOverride(testersKey, broken, now)
		require.False(t, ok, string(broken))
	}
	_, ok = CheckOverride([]byte("short"), []byte(MintOverride([]byte("short"), "comments", now.Add(time.Hour))), now)
	require.False(t, ok, "a key that can be guessed counts as none")
}

func FuzzOverride(f *testing.F) {
	now := time.Unix(1_800_000_000, 0)
	good := MintOverride(testersKey, "comments", now.Add(time.Hour))
	f.Add([]byte(good))
	f.Add([]byte("a.1.b"))
	f.Fuzz(func(t *testing.T, token []byte) {
		if _, ok := CheckOverride(testersKey, token, now); ok && string(token) != good {
			t.Fatalf("%q counts", token)
		}
	})
}

func BenchmarkSide(b *testing.B) {
	route, keys := canaryRoute(b, "50", "user")
	req := &Request{Cookies: user(9)}
	b.ReportAllocs()
	for b.Loop() {
		route.Side(req, keys)
	}
}
