package httpkit_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

type thing struct {
	Inner
	Tags []string `json:"tags"`
	Max  int      `json:"max"`
}

// Inner is embedded, as a post's text is in a new post.
type Inner struct {
	Name string `json:"name"`
}

func reading(t *testing.T) string {
	e := httpkit.New(httpkit.Config{Logger: quiet()})
	e.POST("/things", func(c echo.Context) error {
		in, _, err := httpkit.Read[thing](c)
		if err != nil {
			return err
		}
		return httpkit.JSON(c, 200, in)
	})
	return server(t, e).URL + "/things"
}

func TestReadIsStrict(t *testing.T) {
	url := reading(t)
	const js = "application/json"
	for name, c := range map[string]struct {
		media, body string
		status      int
		says        string
	}{
		"fine":                {js, ` {"name":"a","tags":["b"]} `, 200, `"a"`},
		"with a charset":      {"application/json; charset=utf-8", `{}`, 200, ``},
		"no media type":       {"", `{}`, 415, "application/json"},
		"a form's media type": {"text/plain", `{}`, 415, "text/plain"},
		"a list":              {js, `[]`, 400, "no JSON object"},
		"null":                {js, `null`, 400, "no JSON object"},
		"nothing":             {js, ``, 400, "no JSON object"},
		"not closed":          {js, `{"name":"a"`, 400, "ends too early"},
		"not JSON":            {js, `{name}`, 400, "byte 2"},
		"two objects":         {js, `{} {}`, 400, "something follows"},
		"garbage behind":      {js, `{}x`, 400, "something follows"},
		"an unknown field":    {js, `{"role":"moderator"}`, 400, "role"},
		"a wrong type":        {js, `{"name":7}`, 422, "send a string"},
		"a fraction":          {js, `{"max":1.5}`, 422, "max"},
		"NUL in a text":       {js, `{"name":"a\u0000b"}`, 422, "name"},
		"NUL in a list":       {js, `{"tags":["\u0000"]}`, 422, "tags"},
		"an escaped NUL":      {js, `{"name":"\\u0000"}`, 200, `u0000`},
		"deep":                {js, `{"tags":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}`, 400, "no JSON"},
		"too large":           {js, `{"name":"` + strings.Repeat("x", httpkit.MaxJSON) + `"}`, 413, "1048576"},
	} {
		t.Run(name, func(t *testing.T) {
			answer, body := send(t, request(t, "POST", url, c.body, "Content-Type", c.media))
			require.Equal(t, c.status, answer.StatusCode, "%s", body)
			require.Contains(t, string(body), c.says)
			if c.status == 422 {
				require.Contains(t, []string{"name", "tags", "max"}, problemOf(t, answer, body).Errors[0].Field)
			}
		})
	}
}

func TestATenMegabyteBodyIsAnsweredAndNotReset(t *testing.T) {
	url := reading(t)
	for name, length := range map[string]int64{"announced": 10 << 20, "chunked": -1} {
		t.Run(name, func(t *testing.T) {
			r := request(t, "POST", url, "", "Content-Type", "application/json")
			r.Body = io.NopCloser(io.LimitReader(letters{}, 10<<20))
			r.ContentLength = length
			answer, body := send(t, r)
			require.Equal(t, http.StatusRequestEntityTooLarge, answer.StatusCode)
			problemOf(t, answer, body)
		})
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestKeys(t *testing.T) {
	key := func(value, body string) (httpkit.Key, error) {
		c := withHeader("Idempotency-Key", value)
		return httpkit.KeyOf(c, []byte(body))
	}
	one, err := key("k-1", "body")
	require.NoError(t, err)
	same, _ := key("k-1", "body")
	other, _ := key("k-1", "another body")
	require.Equal(t, one, same)
	require.NotEqual(t, one.Hash, other.Hash)
	for _, bad := range []string{"", "two words", "ü", strings.Repeat("k", 129), "a\x7f"} {
		_, err := key(bad, "")
		require.True(t, problem.Is(err, problem.Malformed), bad)
	}
	_, err = httpkit.KeyOf(withHeader("Idempotency-Key", "a", "b"), nil)
	require.True(t, problem.Is(err, problem.Malformed))
	none, err := httpkit.KeyOf(withHeader("Other"), nil)
	require.NoError(t, err)
	require.Zero(t, none)
	ab, _ := httpkit.NewKey("k", "ab", "c")
	a, _ := httpkit.NewKey("k", "a", "bc")
	require.NotEqual(t, ab.Hash, a.Hash, "parts don't run together")
}
