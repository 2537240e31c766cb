package httpkit_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
	"banyan.dev/platform/telemetry"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func server(t *testing.T, e *echo.Echo) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	return s
}

func send(t *testing.T, r *http.Request) (*http.Response, []byte) {
	t.Helper()
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, body
}

func request(t *testing.T, method, url, body string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func problemOf(t *testing.T, answer *http.Response, body []byte) httpkit.Problem {
	t.Helper()
	require.Equal(t, httpkit.ProblemType, answer.Header.Get("Content-Type"), "%s", body)
	var p httpkit.Problem
	require.NoError(t, json.Unmarshal(body, &p))
	require.Equal(t, answer.StatusCode, p.Status)
	require.Equal(t, answer.Header.Get("X-Request-Id"), p.RequestID)
	return p
}

func TestEveryKindHasItsStatus(t *testing.T) {
	want := map[problem.Kind]int{
		problem.Malformed: 400, problem.Unauthenticated: 401, problem.BadCredentials: 401, problem.Forbidden: 403,
		problem.NotFound: 404, httpkit.MethodNotAllowed: 405, httpkit.Timeout: 408, problem.Conflict: 409, problem.EmailTaken: 409,
		problem.VersionMismatch: 412, problem.TooLarge: 413, problem.UnsupportedMediaType: 415, problem.NotOwner: 421, problem.Validation: 422,
		problem.KeyReused: 422, problem.PreconditionRequired: 428, problem.RateLimited: 429, problem.Internal: 500, httpkit.Unavailable: 503,
	}
	e := httpkit.New(httpkit.Config{Logger: quiet()})
	e.GET("/fail/:kind", func(c echo.Context) error {
		return fmt.Errorf("while testing: %w", problem.New(problem.Kind(c.Param("kind")), "because"))
	})
	s := server(t, e)
	for kind, status := range want {
		answer, body := send(t, request(t, "GET", s.URL+"/fail/"+string(kind), ""))
		p := problemOf(t, answer, body)
		require.Equal(t, status, answer.StatusCode, kind)
		require.Equal(t, "urn:banyan:problem:"+string(kind), p.Type)
		require.NotEmpty(t, p.Title)
		require.Equal(t, status == 429 || status == 503, answer.Header.Get("Retry-After") != "", kind)
		require.Equal(t, status == 421, len(answer.Header.Values(httpkit.HeaderEpoch)) > 0, kind)
	}
}

func TestWhoMustBeAskedInsteadIsNamed(t *testing.T) {
	moved := errors.New("comments has moved")
	e := httpkit.New(httpkit.Config{Logger: quiet(), Elsewhere: func(err error) (string, int64, bool) {
		return "comments", 4, errors.Is(err, moved)
	}})
	e.GET("/moved", func(echo.Context) error { return fmt.Errorf("write: %w", moved) })
	e.GET("/late", func(echo.Context) error { return problem.Elsewhere("monolith", 3, "not here yet") })
	e.GET("/between", func(echo.Context) error { return problem.Elsewhere("", 3, "nobody owns it at this moment") })
	s := server(t, e)
	for path, want := range map[string][2]string{"/moved": {"comments", "4"}, "/late": {"monolith", "3"}, "/between": {"", "3"}} {
		answer, body := send(t, request(t, "GET", s.URL+path, ""))
		require.Equal(t, 421, answer.StatusCode, path)
		require.Equal(t, "urn:banyan:problem:not-owner", problemOf(t, answer, body).Type, path)
		require.Equal(t, []string{want[0]}, answer.Header.Values(httpkit.HeaderOwner), path)
		require.Equal(t, []string{want[1]}, answer.Header.Values(httpkit.HeaderEpoch), path)
	}
}

func TestWhatTheClientMayNotKnowIsLoggedAndNotShown(t *testing.T) {
	var log bytes.Buffer
	logger, err := telemetry.NewLogger(&log, "test", "info")
	require.NoError(t, err)
	e := httpkit.New(httpkit.Config{Logger: logger, Unavailable: func(err error) bool { return err.Error() == "restarting" }})
	e.GET("/error", func(echo.Context) error { return errors.New("password of db-7 is hunter2") })
	e.GET("/panic", func(echo.Context) error { panic("hunter2") })
	e.GET("/restart", func(echo.Context) error { return errors.New("restarting") })
	s := server(t, e)
	for path, status := range map[string]int{"/error": 500, "/panic": 500, "/restart": 503} {
		answer, body := send(t, request(t, "GET", s.URL+path, "", "X-Request-Id", "r-1"))
		require.Equal(t, status, answer.StatusCode)
		require.NotContains(t, string(body), "hunter2")
		require.Equal(t, "r-1", problemOf(t, answer, body).RequestID)
	}
	require.Contains(t, log.String(), "password of db-7")
	require.Contains(t, log.String(), `"request":"r-1"`)
}

func TestUnknownAddressesAndMethods(t *testing.T) {
	e := httpkit.New(httpkit.Config{Logger: quiet()})
	e.GET("/things", func(c echo.Context) error { return httpkit.JSON(c, 200, 1) })
	e.PUT("/things", func(c echo.Context) error { return c.NoContent(204) })
	s := server(t, e)
	answer, body := send(t, request(t, "GET", s.URL+"/other", ""))
	require.Equal(t, 404, problemOf(t, answer, body).Status)
	answer, body = send(t, request(t, "DELETE", s.URL+"/things", ""))
	require.Equal(t, 405, problemOf(t, answer, body).Status)
	require.Equal(t, "OPTIONS, GET, HEAD, PUT", answer.Header.Get("Allow"))
}

func TestHeadIsAnsweredAsGet(t *testing.T) {
	e := httpkit.New(httpkit.Config{Logger: quiet()})
	e.GET("/things", func(c echo.Context) error { return httpkit.JSON(c, 200, strings.Repeat("x", 10_000)) })
	answer, body := send(t, request(t, "HEAD", server(t, e).URL+"/things", ""))
	require.Equal(t, 200, answer.StatusCode)
	require.EqualValues(t, 10_002, answer.ContentLength)
	require.Empty(t, body)
}

func TestIdsOfTheGatewayAreKept(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	e := httpkit.New(httpkit.Config{Logger: quiet()})
	e.GET("/trace", func(c echo.Context) error {
		trace, _ := telemetry.TraceFrom(c.Request().Context())
		return c.String(200, trace.ID())
	})
	s := server(t, e)
	answer, body := send(t, request(t, "GET", s.URL+"/trace", "", "Traceparent", parent, "X-Request-Id", "abc-1"))
	require.Equal(t, "4bf92f3577b34da6a3ce929d0e0e4736", string(body))
	require.Equal(t, "abc-1", answer.Header.Get("X-Request-Id"))
	for _, odd := range []string{"", "a b", "<script>", strings.Repeat("x", 65)} {
		answer, _ = send(t, request(t, "GET", s.URL+"/trace", "", "X-Request-Id", odd))
		require.NotEqual(t, odd, answer.Header.Get("X-Request-Id"))
		require.Len(t, answer.Header.Get("X-Request-Id"), 36)
	}
}

func TestForwardedAddressesAreBelievedOfTrustedProxiesOnly(t *testing.T) {
	address := func(trusted ...netip.Prefix) string {
		e := httpkit.New(httpkit.Config{Logger: quiet(), TrustedProxies: trusted})
		e.GET("/", func(c echo.Context) error { return c.String(200, c.RealIP()) })
		_, body := send(t, request(t, "GET", server(t, e).URL, "", "X-Forwarded-For", "6.6.6.6, 203.0.113.9", "X-Real-Ip", "6.6.6.6"))
		return string(body)
	}
	require.Equal(t, "127.0.0.1", address())
	require.Equal(t, "127.0.0.1", address(netip.MustParsePrefix("10.0.0.0/8")))
	require.Equal(t, "203.0.113.9", address(netip.MustParsePrefix("127.0.0.0/8")), "the last one that no trusted proxy wrote")
}

func TestEveryAnswerBoundsTheBrowser(t *testing.T) {
	e := httpkit.New(httpkit.Config{Logger: quiet(), Secure: true})
	answer, _ := send(t, request(t, "GET", server(t, e).URL+"/nothing", ""))
	policy := answer.Header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'self'", "object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"} {
		require.Contains(t, policy, want)
	}
	require.NotContains(t, policy, "unsafe")
	require.Equal(t, "nosniff", answer.Header.Get("X-Content-Type-Options"))
	require.Contains(t, answer.Header.Get("Strict-Transport-Security"), "max-age=31536000")
	require.NotEmpty(t, answer.Header.Get("Referrer-Policy"))
}

func TestFiguresCountRoutesAndNotPaths(t *testing.T) {
	registry := prometheus.NewRegistry()
	e := httpkit.New(httpkit.Config{Logger: quiet(), Registerer: registry})
	e.GET("/things/:id", func(c echo.Context) error { return c.NoContent(204) })
	s := server(t, e)
	for i := range 5 {
		send(t, request(t, "GET", fmt.Sprintf("%s/things/%d", s.URL, i), ""))
	}
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "http_requests_total" {
			require.Len(t, f.GetMetric(), 1)
			require.EqualValues(t, 5, f.GetMetric()[0].GetCounter().GetValue())
			return
		}
	}
	t.Fatal("http_requests_total is missing")
}

func TestPeopleGetAPageAndProgramsAProblem(t *testing.T) {
	e := httpkit.New(httpkit.Config{Logger: quiet(), ErrorPage: func(c echo.Context, p httpkit.Problem) error {
		return c.HTML(p.Status, "<h1>"+p.Title+"</h1>")
	}})
	s := server(t, e)
	answer, body := send(t, request(t, "GET", s.URL+"/nothing", "", "Accept", "text/html,*/*"))
	require.Equal(t, 404, answer.StatusCode)
	require.Contains(t, string(body), "<h1>")
	answer, body = send(t, request(t, "GET", s.URL+"/nothing", ""))
	problemOf(t, answer, body)
	answer, body = send(t, request(t, "GET", s.URL+"/api/nothing", "", "Accept", "text/html"))
	problemOf(t, answer, body)
}

func TestMiddlewareOfNetHTTPSeesTheFinishedAnswer(t *testing.T) {
	e := httpkit.New(httpkit.Config{Logger: quiet()})
	e.Use(httpkit.Wrap(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/refused" {
				http.Error(w, "refused", http.StatusForbidden)
				return
			}
			next.ServeHTTP(before{w}, r)
		})
	}))
	e.GET("/fine", func(c echo.Context) error { return c.String(200, "fine") })
	e.GET("/fail", func(echo.Context) error { return problem.New(problem.Conflict, "no") })
	s := server(t, e)
	for path, status := range map[string]int{"/fine": 200, "/fail": 409, "/none": 404} {
		answer, _ := send(t, request(t, "GET", s.URL+path, ""))
		require.Equal(t, status, answer.StatusCode)
		require.Equal(t, "set", answer.Header.Get("X-Before"), path)
	}
	answer, _ := send(t, request(t, "GET", s.URL+"/refused", ""))
	require.Equal(t, 403, answer.StatusCode)
}

// before sets a header at the last moment, as a session's middleware does.
type before struct{ http.ResponseWriter }

func (w before) WriteHeader(status int) {
	w.Header().Set("X-Before", "set")
	w.ResponseWriter.WriteHeader(status)
}
