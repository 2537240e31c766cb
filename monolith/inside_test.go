package main

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/identity"
	"banyan.dev/platform/problem"
)

const houseKey = "0123456789abcdef0123456789abcdef"

// token is what a host sends that knows the key.
func token(t testing.TB, key string, who identity.Identity, at time.Time, life time.Duration) string {
	t.Helper()
	keys, err := identity.NewKeys(key)
	require.NoError(t, err)
	signed, err := keys.Sign(who, at, life)
	require.NoError(t, err)
	return signed
}

// asService is a header by which services are known.
func asService(t testing.TB) []string {
	t.Helper()
	return []string{identity.Header, token(t, houseKey, identity.Service("comments"), time.Now(), time.Minute)}
}

func TestTheGatewayIsToldWhoIsAsking(t *testing.T) {
	onEither(t, func(t *testing.T, m *running) {
		t.Helper()
		ada, visitor := m.client(t), m.client(t)
		me := ada.signUp("Ada")
		told := ada.send("GET", "/internal/identity", nil).want(200)
		require.Equal(t, document{"id": me["id"], "name": "Ada", "role": "reader"}, told.json())
		require.Equal(t, "no-store", told.header.Get("Cache-Control"))
		visitor.send("GET", "/internal/identity", nil).want(204)
		visitor.send("GET", "/internal/identity", nil, "Cookie", "banyan_session=made-up").want(204)
		forged := token(t, houseKey, identity.Identity{ID: me.text("id"), Name: "Ada", Role: "moderator"}, time.Now(), time.Minute)
		visitor.send("GET", "/internal/identity", nil, identity.Header, forged).want(204)
		visitor.send("GET", "/internal/identity", nil, "Sec-Fetch-Site", "cross-site").want(204)
		visitor.send("POST", "/internal/identity", nil, "Sec-Fetch-Site", "cross-site").want(403)
		require.Equal(t, 0, m.statements(func() { visitor.send("GET", "/internal/identity", nil).want(204) }))
		require.Equal(t, 1, m.statements(func() { ada.send("GET", "/internal/identity", nil).want(200) }))
	})
}

func TestServicesAreAnswered(t *testing.T) {
	for _, stores := range [][]string{nil, ownStores} {
		m := startMonolith(t, append(stores, "IDENTITY_KEY=an-older-key-that-still-verifies-a-token,"+houseKey)...)
		ada := m.client(t)
		me := ada.author("Ada")
		post := ada.post("A tree")
		draft := ada.call("POST", "/posts", document{"title": "Draft", "body": "b"}).want(201).json()
		mod := m.client(t)
		m.moderator(t, mod, "Mo")
		mod.call("POST", "/moderation/rules", document{"kind": "word", "pattern": "casino", "verdict": "pending"}).want(201)
		service := m.client(t)
		ask := func(path string) answer { return service.send("GET", path, nil, asService(t)...) }

		found := ask("/internal/posts/" + post.text("id")).want(200)
		require.Equal(t, document{"id": post["id"], "title": "A tree", "author_id": me["id"]}, found.json())
		for _, nobodys := range []string{draft.text("id"), me.text("id"), "1", "%27%20OR%201%3D1"} {
			ask("/internal/posts/"+nobodys).refused(404, problem.NotFound)
		}

		people := url.Values{"id": {me.text("id"), me.text("id"), post.text("id"), "no-id"}}
		require.Equal(t, document{"names": map[string]any{me.text("id"): "Ada"}}, ask("/internal/people?"+people.Encode()).want(200).json())
		require.Equal(t, document{"names": map[string]any{}}, ask("/internal/people").want(200).json())
		ask("/internal/people?"+strings.Repeat("&id="+me.text("id"), 201)).refused(422, problem.Validation)

		judged := func(text string) document {
			return service.send("POST", "/internal/verdicts", []byte(fmt.Sprintf(`{"text":%q}`, text)), append(asService(t), "Content-Type", "application/json")...).want(200).json()
		}
		require.Equal(t, document{"status": "approved", "reason": ""}, judged("A tree."))
		require.Equal(t, document{"status": "pending", "reason": `the word "casino"`}, judged("A Casino!"))
		service.send("POST", "/internal/verdicts", []byte(`{"text":1}`), append(asService(t), "Content-Type", "application/json")...).refused(422, problem.Validation)
	}
}

// TestWhatIsForServicesIsRefusedToAllOthers sends what somebody might who reached the
// port past the gateway.
func TestWhatIsForServicesIsRefusedToAllOthers(t *testing.T) {
	m := startMonolith(t, "IDENTITY_KEY="+houseKey)
	mod := m.client(t)
	m.moderator(t, mod, "Mo")
	now := time.Now()
	service := identity.Service("comments")
	good := token(t, houseKey, service, now, time.Minute)
	text, signature, _ := strings.Cut(good, ".")
	user, _, _ := strings.Cut(token(t, houseKey, identity.Identity{ID: "ada", Role: "moderator"}, now, time.Minute), ".")
	unsigned := base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf(`{"id":"comments","role":"service","exp":%d}`, now.Add(time.Hour).UnixMilli())))
	mallory := m.client(t)
	for name, tokens := range map[string][]string{
		"an empty one":          {""},
		"a moderator's":         {token(t, houseKey, identity.Identity{ID: "mo", Name: "Mo", Role: "moderator"}, now, time.Minute)},
		"a role in upper case":  {token(t, houseKey, identity.Identity{ID: "x", Role: "SERVICE"}, now, time.Minute)},
		"an expired one":        {token(t, houseKey, service, now.Add(-time.Hour), time.Minute)},
		"another house's":       {token(t, "another-house-another-house-another", service, now, time.Minute)},
		"one without signature": {text, text + ".", unsigned + "."},
		"another's signature":   {user + "." + signature, unsigned + "." + signature},
		"a cut one":             {good[:len(good)-1]},
		"one with more":         {good + "A", good + ".x"},
		"two":                   {good + "," + good},
		"nonsense":              {strings.Repeat(".", 3000), "null", "\u00e9"},
		"a bearer's":            {"Bearer " + good},
	} {
		for _, sent := range append([]string{}, tokens...) {
			for _, path := range []string{"/internal/people", "/internal/posts/" + houseKey} {
				require.Equal(t, 403, mallory.send("GET", path, nil, identity.Header, sent).status, name)
				require.Equal(t, 403, mod.send("GET", path, nil, identity.Header, sent).status, "with a session: %s", name)
			}
			require.Equal(t, 403, mallory.send("POST", "/internal/verdicts", []byte(`{"text":"x"}`), identity.Header, sent, "Content-Type", "application/json").status, name)
		}
	}
	mod.send("GET", "/internal/people", nil).refused(403, problem.Forbidden)
	mallory.send("GET", "/internal/people", nil, identity.Header, good, identity.Header, good).refused(403, problem.Forbidden)
	mallory.send("GET", "/internal/people", nil, identity.Header, good).want(200)
	require.Equal(t, http.StatusNotFound, mallory.send("GET", "/internal/", nil, identity.Header, good).status)
}

func TestWithoutAKeyNothingIsForServices(t *testing.T) {
	m := startMonolith(t)
	visitor := m.client(t)
	for _, path := range []string{"/internal/people", "/internal/posts/" + houseKey} {
		visitor.send("GET", path, nil, asService(t)...).refused(404, problem.NotFound)
	}
	visitor.send("POST", "/internal/verdicts", []byte(`{"text":"x"}`), append(asService(t), "Content-Type", "application/json")...).refused(404, problem.NotFound)
	visitor.send("GET", "/internal/identity", nil).want(204)
}
