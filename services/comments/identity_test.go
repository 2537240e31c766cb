package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/problem"
)

func TestOnlyASignedIdentityIsBelieved(t *testing.T) {
	t.Parallel()
	w, r := owning(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	signed := func(who identity.Identity, key string, life time.Duration) string { return token(t, key, who, life) }
	person := identity.Identity{ID: ann.ID, Name: "Ann", Role: "author"}
	good := signed(person, houseKey, time.Minute)
	for name, sent := range map[string][]string{
		"another key":           {signed(person, "another-house-another-house-another", time.Minute)},
		"expired":               {signed(person, houseKey, -time.Minute)},
		"a person of no role":   {signed(identity.Identity{ID: ann.ID, Role: "king"}, houseKey, time.Minute)},
		"no account":            {signed(identity.Identity{ID: "ann", Role: "author"}, houseKey, time.Minute)},
		"nothing":               {""},
		"nonsense":              {"a.b.c"},
		"half":                  {good[:len(good)/2]},
		"two of them":           {good, good},
		"one good, one made up": {good, "x"},
	} {
		c := r.as(t, contracts.Viewer{})
		var headers []string
		for _, text := range sent {
			headers = append(headers, identity.Header, text)
		}
		c.says(post, "Who am I?", headers...).refused(401, problem.Unauthenticated)
		c.send("GET", "/api/v1/posts/"+post+"/comments", nil, headers...).refused(401, problem.Unauthenticated)
		require.NotEqual(t, 200, c.send("GET", "/internal/comments", nil, headers...).status, name)
	}
	r.as(t, contracts.Viewer{}).says(post, "Nobody").refused(401, problem.Unauthenticated)
	require.Empty(t, r.as(t, contracts.Viewer{}).reads(post).bodies(), "a visitor may read")
	r.asService(t).says(post, "A host").refused(403, problem.Forbidden)
	for _, c := range []*client{r.as(t, contracts.Viewer{}), r.as(t, ann)} {
		c.send("GET", "/internal/comments", nil).refused(403, problem.Forbidden)
		c.send("GET", "/internal/latest?n=1", nil).refused(403, problem.Forbidden)
		c.send("POST", "/internal/posts/"+post+"/close", map[string]string{"key": "k"}).refused(403, problem.Forbidden)
	}
}

func TestAPageOfAnotherSiteWritesNothing(t *testing.T) {
	t.Parallel()
	w, r := owning(t)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "cross-site"},
		{"Origin", "https://evil.example"},
	} {
		r.as(t, ann).says(post, "Not hers", headers...).refused(403, problem.Forbidden)
		r.as(t, ann).send("GET", "/api/v1/posts/"+post+"/comments", nil, headers...).is(200)
	}
	r.as(t, ann).says(post, "Hers", "Origin", "http://blog.test", "Sec-Fetch-Site", "same-origin").is(201)
	r.as(t, ann).says(post, "Hers, by a program").is(201)
}

func TestEitherKeyIsGoodWhileKeysAreChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	next := "fedcba9876543210fedcba9876543210"
	r := w.serves(t, "IDENTITY_KEY="+houseKey+", "+next)
	ann := w.monolith.person("Ann", contracts.Author)
	post := w.monolith.post(ann)
	for _, key := range []string{houseKey, next} {
		c := r.as(t, contracts.Viewer{})
		c.token = token(t, key, identity.Identity{ID: ann.ID, Name: "Ann", Role: "author"}, time.Minute)
		c.reads(post).is(200)
	}
}
