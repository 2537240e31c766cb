package journeys

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// against plays one story against a handler.
func against(t *testing.T, h http.HandlerFunc, play func(*Story)) Result {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	config := Config{BaseURL: server.URL, Client: server.Client(), EventuallyWithin: 100 * time.Millisecond}
	_, err := config.prepare()
	require.NoError(t, err)
	return Journey{Name: "a story", play: play}.run(t.Context(), config)
}

func says(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestAStoryEndsAtTheFirstThingThatIsNotSo(t *testing.T) {
	cleaned, went := 0, false
	result := against(t, says(200, "text/plain", "ok"), func(s *Story) {
		s.AtEnd(func() { cleaned++ })
		s.AtEnd(func() { s.Fail("a clean-up fails too") })
		s.Visitor().Get("/x").Answers(http.StatusTeapot)
		went = true
	})
	require.False(t, result.OK)
	require.False(t, went)
	require.Equal(t, 1, cleaned, "every clean-up is done, also after one that fails")
	require.Contains(t, result.Detail, "GET /x by a visitor: the status is 200, want 418")
	require.Contains(t, result.Detail, "a visitor: GET /x -> 200 ok")
}

// TestOthersMayBeAMomentBehindWhereThatIsAllowed, and nowhere else.
func TestOthersMayBeAMomentBehindWhereThatIsAllowed(t *testing.T) {
	for within, wants := range map[time.Duration][]string{0: {"not so: it is there"}, time.Minute: nil, time.Millisecond: {"not so within 1ms: it is there"}} {
		asked := 0
		result := against(t, says(200, "text/plain", "ok"), func(s *Story) {
			s.config.SeenWithin = within
			s.Others("it is there", func() bool { asked++; return asked > 2 })
		})
		require.Equal(t, wants == nil, result.OK, within)
		for _, want := range wants {
			require.Contains(t, result.Detail, want)
		}
	}
}

func TestACleanUpThatFailsFailsTheJourney(t *testing.T) {
	result := against(t, says(200, "text/plain", "ok"), func(s *Story) {
		s.AtEnd(func() { s.Fail("it is not clean") })
	})
	require.False(t, result.OK)
	require.Contains(t, result.Detail, "it is not clean")
}

func TestARefusalMustBeAWellFormedProblem(t *testing.T) {
	good := `{"type":"urn:banyan:problem:not-found","title":"Nothing","status":404,"request_id":"r"}`
	for name, c := range map[string]struct {
		kind, body string
		ok         bool
	}{
		"good":              {"application/problem+json", good, true},
		"plain JSON":        {"application/json", good, false},
		"another kind":      {"application/problem+json", `{"type":"urn:banyan:problem:gone","title":"x","status":404,"request_id":"r"}`, false},
		"another status":    {"application/problem+json", `{"type":"urn:banyan:problem:not-found","title":"x","status":410,"request_id":"r"}`, false},
		"no request id":     {"application/problem+json", `{"type":"urn:banyan:problem:not-found","title":"x","status":404}`, false},
		"no JSON":           {"application/problem+json", `<html>`, false},
		"a type of nowhere": {"application/problem+json", `{"type":"about:blank","title":"x","status":404,"request_id":"r"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			result := against(t, says(404, c.kind, c.body), func(s *Story) {
				s.Visitor().Get("/x").Refused(http.StatusNotFound, "not-found")
			})
			require.Equal(t, c.ok, result.OK, result.Detail)
		})
	}
}

func TestACallSettlesAsAClientInTheFieldDoes(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		retry  string
		call   func(*Person) *Call
		asked  int32
	}{
		"a read after a 502":               {502, "", func(p *Person) *Call { return p.Get("/") }, 2},
		"a write without a key is not":     {502, "", func(p *Person) *Call { return p.Post("/", fields{}) }, 1},
		"a write with a key is":            {502, "", func(p *Person) *Call { return p.Post("/", fields{}).Key("k") }, 2},
		"a write that was told to, is":     {503, "0", func(p *Person) *Call { return p.Post("/", fields{}) }, 2},
		"a limit that says when to return": {429, "0", func(p *Person) *Call { return p.Post("/", fields{}) }, 2},
		"a limit that does not":            {429, "", func(p *Person) *Call { return p.Get("/") }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var asked atomic.Int32
			against(t, func(w http.ResponseWriter, _ *http.Request) {
				if asked.Add(1) == 1 {
					if c.retry != "" {
						w.Header().Set("Retry-After", c.retry)
					}
					w.WriteHeader(c.status)
				}
			}, func(s *Story) { c.call(s.Visitor()).Sent() })
			require.Equal(t, c.asked, asked.Load())
		})
	}
}

func TestWhatIsAwaitedIsAwaitedForABoundedTime(t *testing.T) {
	var asked atomic.Int32
	late := func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 {
			w.WriteHeader(http.StatusNotFound)
		}
	}
	there := func(s *Story) {
		s.Eventually("it is there", func() bool { return s.Visitor().Get("/").Sent().Status == http.StatusOK })
	}
	require.True(t, against(t, late, there).OK)
	never := against(t, says(404, "text/plain", ""), there)
	require.Contains(t, never.Detail, "not so within 100ms: it is there")
}

func TestAFormIsSentAsABrowserWithoutScriptSendsIt(t *testing.T) {
	const sheet = `<form method="post" action="/send?x=1"><input type=hidden name=key value=k1>
		<input name=title value="as it was"><textarea name=body>
two
lines</textarea><select name=kind><option value=a>A<option value=b selected>B</select>
		<input type=checkbox name=on value=1 checked><input type=checkbox name=off value=1>
		<button name=action value=save>Save</button><button name=action value=publish formaction="/publish">Publish</button></form>`
	var got, path, origin string
	result := against(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			says(200, "text/html", sheet)(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		got, path, origin = string(body), r.URL.RequestURI(), r.Header.Get("Sec-Fetch-Site")
	}, func(s *Story) {
		s.Visitor().Opens("/sheet").FormWith("title", "body").Fill("title", "new").publish()
	})
	require.True(t, result.OK, result.Detail)
	require.Equal(t, "/publish", path)
	require.Equal(t, "same-origin", origin)
	require.Equal(t, "action=publish&body=two%0Alines&key=k1&kind=b&on=1&title=new", got)
}

func TestHostileMarkupIsFoundByParsing(t *testing.T) {
	for fragment, inert := range map[string]bool{
		"<p>fine &lt;script&gt;alert(1)&lt;/script&gt;</p>": true,
		`<a href="https://example.org">fine</a>`:            true,
		"<script>alert(1)</script>":                         false,
		"<img src=x onerror=alert(1)>":                      false,
		`<a href=" JavaScript:alert(1)">x</a>`:              false,
		"<SVG/onload=alert(1)>":                             false,
	} {
		result := against(t, says(200, "text/plain", ""), func(s *Story) { mustBeInert(s, "it", fragment) })
		require.Equal(t, inert, result.OK, fragment)
	}
}

func TestNamesAreUniqueAndCanBeChosen(t *testing.T) {
	seen := map[string]bool{}
	for _, j := range All() {
		require.False(t, seen[j.Name], j.Name)
		seen[j.Name] = true
	}
	results := Run(context.Background(), Config{BaseURL: "http://127.0.0.1:1", Only: []string{"no such journey"}})
	require.Len(t, Failed(results), 1)
	require.Contains(t, results[0].Detail, `there is no journey "no such journey"`)
	results = Run(context.Background(), Config{BaseURL: "localhost"})
	require.Contains(t, results[0].Detail, `BaseURL is "localhost"`)
}

func TestEachJourneyIsToldWhenItIsOver(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // nobody has to answer: each is over at once
	var told []string
	results := Run(ctx, Config{BaseURL: "http://127.0.0.1:1", Played: func(r Result) { told = append(told, r.Name) }})
	var names []string
	for _, r := range results {
		require.False(t, r.OK)
		names = append(names, r.Name)
	}
	require.ElementsMatch(t, names, told)
}
