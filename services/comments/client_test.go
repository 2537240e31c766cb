package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/problem"
)

// client is somebody who talks to the service as the gateway passes it on.
type client struct {
	t      *testing.T
	base   string
	token  string // of an identity; empty: a visitor
	cookie string // of the last write
}

// answer is what came back.
type answer struct {
	t      *testing.T
	status int
	header http.Header
	body   []byte
}

// as is a person's client: the gateway has signed who it is.
func (r *running) as(t *testing.T, v contracts.Viewer) *client {
	t.Helper()
	c := &client{t: t, base: "http://" + r.PublicPort.Address()}
	if v.SignedIn() {
		c.token = token(t, houseKey, identity.Identity{ID: v.ID, Name: v.Name, Role: string(v.Role)}, time.Minute)
	}
	return c
}

// asService is what the monolith asks for itself.
func (r *running) asService(t *testing.T) *client {
	t.Helper()
	return &client{t: t, base: "http://" + r.PublicPort.Address(), token: token(t, houseKey, identity.Service(peer), time.Minute)}
}

// asAdmin asks the admin port.
func (r *running) asAdmin(t *testing.T) *client {
	t.Helper()
	return &client{t: t, base: "http://" + r.AdminPort.Address()}
}

func token(t testing.TB, key string, who identity.Identity, life time.Duration) string {
	t.Helper()
	keys, err := identity.NewKeys(key)
	require.NoError(t, err)
	now := time.Now()
	if life < 0 {
		now, life = now.Add(2*life), -life // it was good until a while ago
	}
	signed, err := keys.Sign(who, now, life)
	require.NoError(t, err)
	return signed
}

// send asks once. body may be nil, a string, or what becomes JSON; headers are pairs.
func (c *client) send(method, path string, body any, headers ...string) answer {
	c.t.Helper()
	var text io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		require.NoError(c.t, err)
		text = strings.NewReader(string(encoded))
	}
	r, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, text)
	require.NoError(c.t, err)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.token != "" {
		r.Header.Set(identity.Header, c.token)
	}
	if c.cookie != "" {
		r.Header.Set("Cookie", c.cookie)
	}
	given := map[string][]string{} // takes the place of what stands above
	for i := 0; i < len(headers); i += 2 {
		given[headers[i]] = append(given[headers[i]], headers[i+1])
		r.Header[http.CanonicalHeaderKey(headers[i])] = given[headers[i]]
	}
	res, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(c.t, err)
	defer res.Body.Close()
	content, err := io.ReadAll(res.Body)
	require.NoError(c.t, err)
	for _, cookie := range res.Cookies() {
		c.cookie = cookie.Name + "=" + cookie.Value
	}
	return answer{c.t, res.StatusCode, res.Header, content}
}

// says writes a comment.
func (c *client) says(postID, body string, headers ...string) answer {
	c.t.Helper()
	return c.send("POST", "/api/v1/posts/"+postID+"/comments", map[string]string{"body": body}, headers...)
}

func (c *client) reads(postID string) answer {
	c.t.Helper()
	return c.send("GET", "/api/v1/posts/"+postID+"/comments", nil)
}

func (a answer) is(status int) answer {
	a.t.Helper()
	require.Equal(a.t, status, a.status, "%s", a.body)
	return a
}

// refused is a problem of that kind.
func (a answer) refused(status int, kind problem.Kind) answer {
	a.t.Helper()
	a.is(status)
	var p struct {
		Type   string `json:"type"`
		Detail string `json:"detail"`
	}
	require.NoError(a.t, json.Unmarshal(a.body, &p))
	require.Equal(a.t, "urn:banyan:problem:"+string(kind), p.Type)
	require.NotEmpty(a.t, p.Detail)
	return a
}

func (a answer) comment() contracts.Comment {
	a.t.Helper()
	var c contracts.Comment
	require.NoError(a.t, json.Unmarshal(a.body, &c), "%s", a.body)
	return c
}

// bodies are those of a list's comments.
func (a answer) bodies() []string {
	a.t.Helper()
	var list struct {
		Items []contracts.Comment `json:"items"`
	}
	require.NoError(a.t, json.Unmarshal(a.is(200).body, &list))
	bodies := []string{}
	for _, c := range list.Items {
		bodies = append(bodies, c.Body)
	}
	return bodies
}

// into decodes the answer.
func (a answer) into(v any) {
	a.t.Helper()
	require.NoError(a.t, json.Unmarshal(a.body, v), "%s", a.body)
}
