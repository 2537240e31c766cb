package identity_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/identity"
)

var (
	first  = strings.Repeat("first-", 6)
	second = strings.Repeat("second", 6)
	now    = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	rita   = identity.Identity{ID: "0190a0f0-0000-7000-8000-000000000001", Name: "Rita Ώ", Role: "reader"}
)

func keys(t testing.TB, list string) identity.Keys {
	t.Helper()
	k, err := identity.NewKeys(list)
	require.NoError(t, err)
	return k
}

func sign(t testing.TB, k identity.Keys, who identity.Identity) string {
	t.Helper()
	token, err := k.Sign(who, now, 30*time.Second)
	require.NoError(t, err)
	return token
}

func TestATokenSaysWhoUntilItsLifeIsOver(t *testing.T) {
	k := keys(t, first)
	token := sign(t, k, rita)
	who, err := k.Verify(token, now.Add(30*time.Second-time.Millisecond))
	require.NoError(t, err)
	require.Equal(t, rita, who)
	require.False(t, who.IsService())
	_, err = k.Verify(token, now.Add(30*time.Second))
	require.ErrorIs(t, err, identity.ErrExpired)
	require.True(t, identity.Service("comments").IsService())
}

func TestKeysAreChangedWithoutRefusingAnybody(t *testing.T) {
	before, both, turned, after := keys(t, first), keys(t, first+","+second), keys(t, second+", "+first), keys(t, second)
	for name, pair := range map[string][2]identity.Keys{
		"the new one is known":           {before, both},
		"the old one still signs":        {both, before},
		"the new one signs":              {turned, both},
		"some verify the old one still":  {both, turned},
		"the old one is gone":            {turned, after},
		"and some have not heard of it ": {after, turned},
	} {
		_, err := pair[1].Verify(sign(t, pair[0], rita), now)
		require.NoError(t, err, name)
	}
	_, err := after.Verify(sign(t, before, rita), now)
	require.ErrorIs(t, err, identity.ErrInvalid)
}

func TestWhatNobodySignedIsRefused(t *testing.T) {
	k := keys(t, first)
	token := sign(t, k, rita)
	body, signature, _ := strings.Cut(token, ".")
	moderator := base64.RawURLEncoding.EncodeToString([]byte(`{"id":"x","role":"moderator","exp":99999999999999}`))
	for name, forged := range map[string]string{
		"empty":                     "",
		"a point":                   ".",
		"no signature":              body,
		"an empty signature":        body + ".",
		"another body":              moderator + "." + signature,
		"half a signature":          body + "." + signature[:20],
		"a longer one":              token + "AA",
		"another last bit":          token[:len(token)-1] + string(token[len(token)-1]^1),
		"a line":                    token + "\n",
		"padding":                   token + "=",
		"a third part":              token + "." + signature,
		"unsigned, as a JWT may be": "eyJhbGciOiJub25lIn0." + body + ".",
		"too long":                  strings.Repeat("A", 1<<20),
	} {
		_, err := k.Verify(forged, now)
		require.ErrorIs(t, err, identity.ErrInvalid, name)
	}
	_, err := identity.Keys{}.Verify(token, now)
	require.ErrorIs(t, err, identity.ErrInvalid, "who has no key believes nobody")
}

func TestWhatCantBeSignedIsSaid(t *testing.T) {
	k := keys(t, first)
	_, err := k.Sign(identity.Identity{ID: "x"}, now, time.Second)
	require.EqualError(t, err, "sign: identity's Role is empty: say who it is")
	_, err = k.Sign(identity.Identity{ID: "x", Role: "reader", Name: strings.Repeat("a", 257)}, now, time.Second)
	require.EqualError(t, err, "sign: identity's Name has 257 bytes: at most 256 fit")
	_, err = k.Sign(identity.Identity{ID: "\xff", Role: "reader"}, now, time.Second)
	require.ErrorContains(t, err, "not UTF-8")
	_, err = k.Sign(rita, now, 0)
	require.EqualError(t, err, "sign identity: a life of 0s can't be")
	_, err = identity.Keys{}.Sign(rita, now, time.Second)
	require.EqualError(t, err, "sign identity: there is no key")
}

func TestKeysAreCheckedAndNeverShown(t *testing.T) {
	for list, want := range map[string]string{
		"":                  "there is no key",
		" ":                 "there is no key",
		"short":             "key 1 has 5 characters",
		first + ",":         "key 2 has 0 characters",
		first + "," + first: "key 2 is there twice",
	} {
		_, err := identity.NewKeys(list)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "first-")
		require.NotContains(t, err.Error(), "short")
	}
	k := keys(t, first+","+second)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		require.Equal(t, "2 keys", fmt.Sprintf(verb, k))
	}
	require.Equal(t, "2 keys", k.LogValue().String())
}

// What verifies was signed: no text that is made up comes through, and none makes it
// panic. What was signed and changed anywhere does not verify either.
func FuzzVerify(f *testing.F) {
	k := keys(f, first)
	good := sign(f, k, rita)
	f.Add(good, 0, byte(1))
	f.Add("", 3, byte(0))
	f.Add("a.b", 1, byte(7))
	f.Add(good+".x", 2, byte(255))
	f.Fuzz(func(t *testing.T, token string, at int, with byte) {
		who, err := k.Verify(token, now)
		if err == nil && token != good {
			t.Fatalf("%q verifies as %v", token, who)
		}
		changed := []byte(good)
		changed[(at%len(changed)+len(changed))%len(changed)] ^= with
		if _, err := k.Verify(string(changed), now); (err == nil) != (with == 0) {
			t.Fatalf("%q: %v", changed, err)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	k := keys(b, first)
	token := sign(b, k, rita)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := k.Verify(token, now); err != nil {
			b.Fatal(err)
		}
	}
}
