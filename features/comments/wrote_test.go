package comments_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
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

// reader reads as a browser does that has the cookies of these writes, as id.1~id.2.
func reader(f *follower, atOnce int) func(ctx context.Context, cookie string) error {
	gate := comments.Gate{Versions: f, Side: f, Peer: "monolith", AtOnce: atOnce}
	read := gate.Middleware()(func(echo.Context) error { return nil })
	return func(ctx context.Context, cookie string) error {
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/api/v1/comments/"+oneID, nil)
		if cookie != "" {
			r.Header.Set("Cookie", "other=1; banyan_wrote_"+strings.Join(strings.Split(cookie, "~"), "=1; banyan_wrote_")+"=1")
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
		"a version in other words": {following(), oneID + ".01~" + oneID + ".+1", 0},
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

// browser has a jar, as each tab of it has the same one.
type browser struct {
	t   *testing.T
	jar *cookiejar.Jar
}

var page = &url.URL{Scheme: "http", Host: "blog.test", Path: "/"}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	require.NoError(t, err)
	return &browser{t, jar}
}

// asks is a request that a tab sends now; answered is when its answer comes.
func (b *browser) asks() *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	for _, c := range b.jar.Cookies(page) {
		r.AddCookie(c)
	}
	return r
}

func (b *browser) answered(r *http.Request, id string, version int) {
	w := httptest.NewRecorder()
	if version == 0 {
		comments.NoteDeleted(w, r, id)
	} else {
		comments.NoteWrote(w, r, id, version)
	}
	for _, c := range w.Result().Cookies() {
		require.True(b.t, c.HttpOnly)
		require.Contains(b.t, []int{30, -1}, c.MaxAge)
	}
	b.jar.SetCookies(page, w.Result().Cookies())
}

func (b *browser) writes(id string, version int) { b.answered(b.asks(), id, version) }

// has are the writes that the browser tells of, the oldest first.
func (b *browser) has() (writes []string) {
	for _, c := range b.jar.Cookies(page) {
		writes = append(writes, strings.TrimPrefix(c.Name, "banyan_wrote_"))
	}
	return writes
}

func idOf(i int) string { return fmt.Sprintf("%s%03d", oneID[:33], i) }

func TestABrowserRemembersItsLastWrites(t *testing.T) {
	b := newBrowser(t)
	b.writes(oneID, 1)
	b.writes(twoID, 1)
	b.writes(oneID, 2)
	require.Equal(t, []string{twoID + ".1", oneID + ".2"}, b.has(), "the newest of each, the last one last")
	b.writes(oneID, 1)
	require.Equal(t, []string{twoID + ".1", oneID + ".2", oneID + ".1"}, b.has(), "a repeated one takes away nothing that is newer")
	b.writes(oneID, 0)
	require.Equal(t, []string{twoID + ".1", oneID + ".x"}, b.has())
	b.writes(oneID, 0)
	require.Equal(t, []string{twoID + ".1", oneID + ".x"}, b.has(), "once")
	for i := range 40 {
		b.writes(idOf(i), 2_000_000_000)
	}
	want := []string{}
	for i := 28; i < 40; i++ {
		want = append(want, idOf(i)+".2000000000")
	}
	require.Equal(t, want, b.has(), "the last twelve")
	size := 0
	for _, c := range b.jar.Cookies(page) {
		size += len(c.String()) + 2
	}
	require.Less(t, size, 1024, "far below what any server takes of a head")
}

// TestTabsThatWriteAtTheSameMomentTakeNothingFromEachOther: each sends what the browser
// had before either answer has come, in every order of the answers.
func TestTabsThatWriteAtTheSameMomentTakeNothingFromEachOther(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 4))
		b := newBrowser(t)
		b.writes(idOf(0), 1)
		type tab struct {
			asked   *http.Request
			id      string
			version int
		}
		var tabs []tab
		next := 1
		written := map[string]bool{idOf(0) + ".1": true}
		for next < 12 || len(tabs) > 0 {
			if next < 12 && (len(tabs) == 0 || rng.IntN(2) == 0) {
				tabs = append(tabs, tab{b.asks(), idOf(next), 1 + rng.IntN(3)})
				next++
				continue
			}
			i := rng.IntN(len(tabs))
			b.answered(tabs[i].asked, tabs[i].id, tabs[i].version)
			written[fmt.Sprintf("%s.%d", tabs[i].id, tabs[i].version)] = true
			tabs = append(tabs[:i], tabs[i+1:]...)
		}
		has := map[string]bool{}
		for _, w := range b.has() {
			has[w] = true
		}
		require.Equal(t, written, has, "seed %d", seed)
	}
}

// TestTwoEditsOfOneCommentAtTheSameMoment: whichever answer comes last, the newer version
// is what the reader waits for.
func TestTwoEditsOfOneCommentAtTheSameMoment(t *testing.T) {
	for _, last := range []int{2, 3} {
		b := newBrowser(t)
		b.writes(oneID, 1)
		first, second := b.asks(), b.asks()
		b.answered(first, oneID, 5-last)
		b.answered(second, oneID, last)
		require.ElementsMatch(t, []string{oneID + ".2", oneID + ".3"}, b.has())
		f := following()
		f.apply(oneID, comments.Version{Number: 2})
		require.Equal(t, problem.NotOwner, kindOf(reader(f, 0)(t.Context(), strings.Join(b.has(), "~"))))
	}
}

// FuzzWrites: whatever is in the cookies, a reader waits for a bounded time and gets an
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
		r.Header.Set("Cookie", "banyan_wrote_"+strings.ReplaceAll(cookie, "~", "=1; banyan_wrote_")+"=1")
		w := httptest.NewRecorder()
		comments.NoteWrote(w, r, oneID, 7)
		set := w.Result().Cookies()
		require.Equal(t, "banyan_wrote_"+oneID+".7", set[len(set)-1].Name)
		require.LessOrEqual(t, len(set), 25)
	})
}
