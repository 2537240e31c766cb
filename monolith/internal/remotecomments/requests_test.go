package remotecomments_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/remotecomments"
	"banyan.dev/platform/call"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// asked is the use cases as the service's API calls them: it notes what arrives.
type asked struct {
	comments.UseCases
	keys    []contracts.Key
	version int
	answer  error
}

func (a *asked) Write(_ context.Context, _ contracts.Viewer, postID, body string, key contracts.Key) (contracts.Comment, bool, error) {
	a.keys = append(a.keys, key)
	return contracts.Comment{ID: contracts.NewID(), PostID: postID, Body: body, Version: 1}, len(a.keys) > 1, a.answer
}

func (a *asked) Edit(_ context.Context, _ contracts.Viewer, id, body string, version int, key contracts.Key) (contracts.Comment, bool, error) {
	a.keys, a.version = append(a.keys, key), version
	return contracts.Comment{ID: id, Body: body, Version: version + 1}, false, a.answer
}

func (a *asked) Delete(_ context.Context, _ contracts.Viewer, _ string, version int) error {
	a.version = version
	return a.answer
}

func (a *asked) List(context.Context, contracts.Viewer, string, paging.Page) (paging.List[contracts.Comment], error) {
	return paging.List[contracts.Comment]{}, a.answer
}

// serve answers with the feature's own routes on a real port, and returns a client.
func serve(t *testing.T, use *asked, before ...echo.MiddlewareFunc) *remotecomments.Comments {
	t.Helper()
	e := httpkit.New(httpkit.Config{Logger: slog.New(slog.DiscardHandler)})
	comments.Register(e.Group("/api/v1"), use, before...)
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	return client(t, s.URL, 0)
}

const key = "0123456789abcdef0123456789abcdef"

func client(t *testing.T, url string, within time.Duration) *remotecomments.Comments {
	t.Helper()
	keys, err := identity.NewKeys(key)
	require.NoError(t, err)
	c, err := remotecomments.New(remotecomments.Config{URLs: []string{url}, Keys: keys, Host: "monolith", Reading: within, Writing: within})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

var rita = contracts.Viewer{Person: contracts.Person{ID: contracts.NewID(), Name: "Rita"}, Role: contracts.Reader}

// TestAFormsKeyIsTheAPIs: the hash that a form's key gets here is the one that the
// service makes of the same write, whatever was typed; and the JSON API of this host
// too, which is the same code.
func TestAFormsKeyIsTheAPIs(t *testing.T) {
	use := &asked{}
	c := serve(t, use)
	post := contracts.NewID()
	for _, body := range []string{"Well said.", "a\nb\n\nc", `<b>&"quotes" \ </b>`, "ümläut \u2028 \u0001 😀", "  spaces  "} {
		mine, err := remotecomments.WriteKey("form-1", post, body)
		require.NoError(t, err)
		made, _, err := c.Write(t.Context(), rita, post, body, mine)
		require.NoError(t, err)
		require.Equal(t, mine, use.keys[len(use.keys)-1], "%q", body)
		require.Equal(t, body, made.Body)

		mine, err = remotecomments.EditKey("form-2", made.ID, body)
		require.NoError(t, err)
		made, _, err = c.Edit(t.Context(), rita, made.ID, body, 7, mine)
		require.NoError(t, err)
		require.Equal(t, mine, use.keys[len(use.keys)-1], "%q", body)
		require.Equal(t, 7, use.version)
		require.Equal(t, 8, made.Version)
	}
	none, err := remotecomments.WriteKey("", post, "x")
	require.NoError(t, err)
	require.False(t, none.Given())
	_, err = remotecomments.WriteKey("with space", post, "x")
	require.True(t, problem.Is(err, problem.Malformed))
}

func TestReplaysAndVersionsPassThrough(t *testing.T) {
	use := &asked{}
	c := serve(t, use)
	_, replayed, err := c.Write(t.Context(), rita, contracts.NewID(), "x", contracts.Key{Value: "k"})
	require.NoError(t, err)
	require.False(t, replayed)
	_, replayed, err = c.Write(t.Context(), rita, contracts.NewID(), "x", contracts.Key{Value: "k"})
	require.NoError(t, err)
	require.True(t, replayed)
	require.NoError(t, c.Delete(t.Context(), rita, contracts.NewID(), 3))
	require.Equal(t, 3, use.version)
	require.NoError(t, c.Delete(t.Context(), rita, contracts.NewID(), 0))
	require.Zero(t, use.version)
}

func TestProblemsAreTheSame(t *testing.T) {
	use := &asked{}
	c := serve(t, use)
	var fields problem.Fields
	fields.Add("body", "is empty: write something")
	for _, want := range []error{
		problem.New(problem.NotFound, "there is no post 7"), fields.Err(), problem.New(problem.KeyReused, "the key was used"),
		problem.New(problem.VersionMismatch, "read it again"), problem.New(problem.Forbidden, "only its author"),
		problem.Elsewhere("monolith", 3, "not here"),
	} {
		use.answer = want
		_, _, err := c.Write(t.Context(), rita, contracts.NewID(), "x", contracts.Key{})
		require.Equal(t, want, err)
		require.Equal(t, want, c.Delete(t.Context(), rita, contracts.NewID(), 0))
		_, err = c.List(t.Context(), rita, contracts.NewID(), paging.Page{Limit: 1})
		require.Equal(t, want, err)
	}
}

func TestWhoDoesNotAnswerIsUnavailable(t *testing.T) {
	var silent atomic.Bool
	stop := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if silent.Load() {
			<-stop
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(s.Close)
	defer close(stop)
	for _, is := range []bool{false, true} {
		silent.Store(is)
		c := client(t, s.URL, 200*time.Millisecond)
		_, err := c.List(t.Context(), rita, contracts.NewID(), paging.Page{Limit: 1})
		require.True(t, problem.Is(err, httpkit.Unavailable), "%v", err)
		require.True(t, call.IsUnavailable(err), "the cause is kept: %v", err)
		_, _, err = c.Write(t.Context(), rita, contracts.NewID(), "x", contracts.Key{})
		require.True(t, problem.Is(err, httpkit.Unavailable), "%v", err)
		_, err = c.Latest(t.Context(), []string{contracts.NewID()}, 2)
		require.True(t, problem.Is(err, httpkit.Unavailable), "%v", err)
		found, err := c.ByIDs(t.Context(), nil)
		require.NoError(t, err, "nothing asks nobody")
		require.Empty(t, found)
	}
}

// TestWhoIsAskingIsSigned: the viewer by his own identity, this host by its own.
func TestWhoIsAskingIsSigned(t *testing.T) {
	keys, err := identity.NewKeys(key)
	require.NoError(t, err)
	var tokens []string
	use := &asked{}
	c := serve(t, use, func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(e echo.Context) error {
			tokens = e.Request().Header.Values(identity.Header)
			return next(e)
		}
	})
	_, err = c.List(t.Context(), rita, contracts.NewID(), paging.Page{Limit: 1})
	require.NoError(t, err)
	require.Len(t, tokens, 1)
	who, err := keys.Verify(tokens[0], time.Now())
	require.NoError(t, err)
	require.Equal(t, identity.Identity{ID: rita.ID, Name: "Rita", Role: "reader"}, who)
	_, err = c.List(t.Context(), contracts.Viewer{}, contracts.NewID(), paging.Page{Limit: 1})
	require.NoError(t, err)
	require.Empty(t, tokens, "a visitor proves nothing")
}
