package httpkit_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

func withHeader(name string, values ...string) echo.Context {
	r := httptest.NewRequest(http.MethodPut, "/api/v1/posts/1", nil)
	for _, v := range values {
		r.Header.Add(name, v)
	}
	return echo.New().NewContext(r, httptest.NewRecorder())
}

func TestIfMatch(t *testing.T) {
	now := func() (int, error) { return 7, nil }
	for name, c := range map[string]struct {
		headers []string
		version int
		kind    problem.Kind // empty: no problem
	}{
		"missing":                   {nil, 0, problem.PreconditionRequired},
		"the present one":           {[]string{`"7"`}, 7, ""},
		"an old one goes on":        {[]string{`"3"`}, 3, ""}, // the store compares, in its transaction
		"any":                       {[]string{`*`}, 7, ""},
		"a list with it":            {[]string{`"3", "7"`}, 7, ""},
		"a list over two headers":   {[]string{`"3"`, `"7"`}, 7, ""},
		"a list with empty members": {[]string{`, "7" ,,"8"`}, 7, ""},
		"a list without it":         {[]string{`"3","4"`}, 0, problem.VersionMismatch},
		"weak":                      {[]string{`W/"7"`}, 0, problem.VersionMismatch},
		"weak in a list":            {[]string{`W/"7", "3"`}, 0, problem.VersionMismatch},
		"somebody else's tag":       {[]string{`"abc"`}, 0, problem.VersionMismatch},
		"another writing of it":     {[]string{`"07"`}, 0, problem.VersionMismatch},
		"without quotes":            {[]string{`7`}, 0, problem.Malformed},
		"an open quote":             {[]string{`"7`}, 0, problem.Malformed},
		"empty":                     {[]string{``}, 0, problem.Malformed},
		"two without a comma":       {[]string{`"7" "8"`}, 0, problem.Malformed},
		"any among others":          {[]string{`*, "7"`}, 0, problem.Malformed},
	} {
		t.Run(name, func(t *testing.T) {
			condition, err := httpkit.IfMatch(withHeader("If-Match", c.headers...))
			version := 0
			if err == nil {
				version, err = condition.Version(now)
			}
			if c.kind != "" {
				require.True(t, problem.Is(err, c.kind), "%v", err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.version, version)
		})
	}
}

func TestADeleteNeedsNoVersion(t *testing.T) {
	never := func() (int, error) { t.Fatal("nobody has to be asked"); return 0, nil }
	for _, headers := range [][]string{nil, {"*"}} {
		condition, err := httpkit.IfMatchOptional(withHeader("If-Match", headers...))
		require.NoError(t, err)
		version, err := condition.VersionOrAny(never)
		require.NoError(t, err)
		require.Zero(t, version, "0 is whatever it is now")
	}
}

func TestNotModified(t *testing.T) {
	for header, want := range map[string]bool{
		``: false, `"7"`: true, `W/"7"`: true, `"6"`: false, `"6", "7"`: true, `*`: true, `7`: false,
	} {
		require.Equal(t, want, httpkit.NotModified(withHeader("If-None-Match", header), `"7"`), header)
	}
	require.False(t, httpkit.NotModified(withHeader("If-None-Match"), `"7"`))
}

func FuzzIfMatch(f *testing.F) {
	for _, seed := range []string{`"1"`, `*`, `W/"1", "2"`, `"`, `,,`, `"a""b"`, "\"\x7f\""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		condition, err := httpkit.IfMatch(withHeader("If-Match", header))
		if err != nil {
			require.True(t, problem.Is(err, problem.Malformed))
			return
		}
		v, err := condition.Version(func() (int, error) { return 5, nil })
		require.True(t, err == nil && v > 0 || problem.Is(err, problem.VersionMismatch))
	})
}

func TestAReadsTagTellsBodiesOfOneVersionApart(t *testing.T) {
	read := func(body any, ifNone ...string) (status int, tag string) {
		c := withHeader("If-None-Match", ifNone...)
		require.NoError(t, httpkit.Versioned(c, 7, body))
		return c.Response().Status, c.Response().Header().Get("ETag")
	}
	_, before := read("no comments")
	status, _ := read("no comments", before)
	require.Equal(t, 304, status)
	status, after := read("one comment", before)
	require.Equal(t, 200, status)
	require.NotEqual(t, before, after)

	for _, tag := range []string{before, after, `"7"`} {
		condition, err := httpkit.IfMatch(withHeader("If-Match", tag))
		require.NoError(t, err)
		version, err := condition.Version(nil)
		require.NoError(t, err)
		require.Equal(t, 7, version, "a write may be based on %s", tag)
	}
}
