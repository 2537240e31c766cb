package comments_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"banyan.dev/features/comments"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/problem"
)

const (
	oneID = "0190a0f0-0000-7000-8000-000000000001"
	twoID = "0190a0f0-0000-7000-8000-000000000002"
)

// follower is a side and how far it has come.
type follower struct {
	mu       sync.Mutex
	row      ownership.Row
	versions map[string]comments.Version
	asked    int
	fails    error
}

func (f *follower) Versions(_ context.Context, ids []string) (map[string]comments.Version, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked++
	found := map[string]comments.Version{}
	for _, id := range ids {
		if v, ok := f.versions[id]; ok {
			found[id] = v
		}
	}
	return found, f.fails
}

func (f *follower) Row(context.Context) (ownership.Row, error) { return f.row, nil }

func (f *follower) apply(id string, v comments.Version) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.versions[id] = v
}

func following() *follower {
	return &follower{row: ownership.Row{State: ownership.Follower, Epoch: 3}, versions: map[string]comments.Version{}}
}

// reader reads as a browser does that has the cookie.
func reader(f *follower, atOnce int) func(ctx context.Context, cookie string) error {
	gate := comments.Gate{Versions: f, Side: f, Peer: "monolith", AtOnce: atOnce}
	read := gate.Middleware()(func(echo.Context) error { return nil })
	return func(ctx context.Context, cookie string) error {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/comments/"+oneID, nil)
		if cookie != "" {
			r.Header.Set("Cookie", "other=1; banyan_wrote="+cookie)
		}
		return read(echo.New().NewContext(r, httptest.NewRecorder()))
	}
}

func TestAReaderWaitsForWhatItWrote(t *testing.T) {
	for name, c := range map[string]struct {
		cookie  string
		arrives comments.Version
	}{
		"the version":     {oneID + ".2", comments.Version{Number: 2}},
		"a newer one":     {oneID + ".2", comments.Version{Number: 5}},
		"its deletion":    {oneID + ".x", comments.Version{Number: 3, Deleted: true}},
		"deleted instead": {oneID + ".2", comments.Version{Number: 3, Deleted: true}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := following()
				f.apply(oneID, comments.Version{Number: 1})
				began := time.Now()
				go func() { time.Sleep(100 * time.Millisecond); f.apply(oneID, c.arrives) }()
				require.NoError(t, reader(f, 0)(t.Context(), c.cookie))
				require.InDelta(t, 100*time.Millisecond, time.Since(began), float64(20*time.Millisecond))
			})
		})
	}
}

func TestAReaderIsSentToTheOwnerWhenItsWriteDoesNotCome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, began := following(), time.Now()
		f.apply(oneID, comments.Version{Number: 1})
		f.apply(twoID, comments.Version{Number: 9})
		err := reader(f, 0)(t.Context(), twoID+".9~"+oneID+".2")
		var p *problem.Error
		require.ErrorAs(t, err, &p)
		require.Equal(t, problem.NotOwner, p.Kind)
		require.Equal(t, "monolith", p.Owner)
		require.Equal(t, int64(3), p.Epoch)
		require.Equal(t, 300*time.Millisecond, time.Since(began))
		require.Equal(t, problem.NotOwner, kindOf(reader(f, 0)(t.Context(), oneID+".x")), "it is not deleted here")
	})
}

func TestWhoeverNeedsNotWaitDoesNot(t *testing.T) {
	owns := following()
	owns.row.State = ownership.Owner
	has := following()
	has.apply(oneID, comments.Version{Number: 2})
	for name, c := range map[string]struct {
		f      *follower
		cookie string
		asked  int
	}{
		"nothing written":          {following(), "", 0},
		"the owner":                {owns, oneID + ".7", 1},
		"it is here":               {has, oneID + ".2", 1},
		"no cookie of ours":        {following(), "nonsense", 0},
		"no version":               {following(), oneID + ".0~" + oneID + ".-1~" + oneID + ".1e3~" + oneID + ".99999999999~" + oneID + ".", 0},
		"no id":                    {following(), "x.1~'.2", 0},
		"too long to be ours":      {following(), strings.Repeat(oneID+".1~", 9), 0},
		"an id in capital letters": {following(), strings.ToUpper(oneID) + "F.1", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				require.NoError(t, reader(c.f, 0)(t.Context(), c.cookie))
				require.Zero(t, time.Since(began))
				require.Equal(t, c.asked, c.f.asked)
			})
		})
	}
}

func TestWritesAreForTheOwner(t *testing.T) {
	for state, want := range map[ownership.State]*problem.Error{
		ownership.Owner:    nil,
		ownership.Follower: problem.Elsewhere("monolith", 3, "comments are written at monolith: nothing was done here"),
		ownership.Fenced:   problem.Elsewhere("", 3, "comments are being handed over: nothing was done here"),
	} {
		f := following()
		f.row.State = state
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
			begun := false
			write := comments.Gate{Versions: f, Side: f, Peer: "monolith"}.Middleware()(func(echo.Context) error { begun = true; return nil })
			err := write(echo.New().NewContext(httptest.NewRequest(method, "/", nil), httptest.NewRecorder()))
			require.Equal(t, want == nil, begun)
			if want != nil {
				require.Equal(t, want, err)
			}
		}
	}
}

func TestOnlySoManyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, began := following(), time.Now()
		read, first := reader(f, 1), make(chan error, 1)
		go func() { first <- read(t.Context(), oneID+".1") }()
		synctest.Wait()
		require.Equal(t, problem.NotOwner, kindOf(read(t.Context(), oneID+".1")))
		require.Zero(t, time.Since(began), "the second one is sent on at once")
		require.Equal(t, problem.NotOwner, kindOf(<-first))
		go func() { time.Sleep(30 * time.Millisecond); f.apply(oneID, comments.Version{Number: 1}) }()
		require.NoError(t, read(t.Context(), oneID+".1"), "there is room again")
	})
}

func TestWhoGoesAwayWaitsNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, reader(following(), 0)(ctx, oneID+".1"), context.DeadlineExceeded)
		broken := following()
		broken.fails = errors.New("away")
		require.ErrorContains(t, reader(broken, 0)(t.Context(), oneID+".1"), "away")
	})
}

// cookieAfter is the cookie of a browser that had one and then wrote.
func cookieAfter(t *testing.T, had string, note func(http.ResponseWriter, *http.Request)) *http.Cookie {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	if had != "" {
		r.Header.Set("Cookie", "banyan_wrote="+had)
	}
	w := httptest.NewRecorder()
	note(w, r)
	cookies := w.Result().Cookies()
	require.Len(t, cookies, 1)
	return cookies[0]
}

func TestABrowserRemembersItsLastWrites(t *testing.T) {
	note := func(had, id string, version int) string {
		return cookieAfter(t, had, func(w http.ResponseWriter, r *http.Request) { comments.NoteWrote(w, r, id, version) }).Value
	}
	had := note("", oneID, 1)
	require.Equal(t, oneID+".1", had)
	require.Equal(t, twoID+".1~"+oneID+".2", note(note(had, twoID, 1), oneID, 2), "the newest of each, the last one last")
	gone := cookieAfter(t, had, func(w http.ResponseWriter, r *http.Request) { comments.NoteDeleted(w, r, oneID) })
	require.Equal(t, oneID+".x", gone.Value)
	require.Equal(t, 30, gone.MaxAge)
	require.True(t, gone.HttpOnly)
	for i := range 9 {
		had = note(had, oneID[:35]+string(rune('0'+i)), 2_000_000_000)
	}
	require.Equal(t, 4, strings.Count(had, "."))
	require.LessOrEqual(t, len(had), 256, "it is read again")
	require.Contains(t, had, oneID[:35]+"8.")
	require.Equal(t, oneID+".1", note("nonsense~"+strings.Repeat("x", 500), oneID, 1))
}

// FuzzWrites: whatever is in the cookie, a reader waits for a bounded time and gets an
// answer, and the next write leaves a cookie that can be read.
func FuzzWrites(f *testing.F) {
	f.Add(oneID + ".1")
	f.Add(oneID + ".x~" + twoID + ".3")
	f.Add("~~..~x")
	f.Fuzz(func(t *testing.T, cookie string) {
		has := following()
		has.row.State = ownership.Owner
		require.NoError(t, reader(has, 0)(t.Context(), cookie))
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header.Set("Cookie", "banyan_wrote="+cookie)
		w := httptest.NewRecorder()
		comments.NoteWrote(w, r, oneID, 7)
		value := w.Result().Cookies()[0].Value
		require.True(t, strings.HasSuffix(value, oneID+".7"), value)
		require.LessOrEqual(t, strings.Count(value, "."), 4)
	})
}
