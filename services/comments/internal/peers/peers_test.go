package peers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/call"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/problem"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const houseKey = "0123456789abcdef0123456789abcdef"

// monolith is one that answers every question in the same way.
func monolith(t *testing.T, answer echo.HandlerFunc) *Monolith {
	t.Helper()
	keys, err := identity.NewKeys(houseKey)
	require.NoError(t, err)
	e := httpkit.New(httpkit.Config{Logger: slog.New(slog.DiscardHandler)})
	e.Any("/*", answer, func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			who, err := keys.Verify(c.Request().Header.Get(identity.Header), time.Now())
			if err != nil || who != identity.Service("comments") {
				t.Errorf("%s came from %v: %v", c.Request().URL, who, err)
			}
			return next(c)
		}
	})
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	client, err := call.New(call.Config{Name: "monolith", URLs: []string{s.URL}})
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return NewMonolith(client, keys, "comments", time.Now)
}

func TestAPostIsAskedFor(t *testing.T) {
	id := contracts.NewID()
	m := monolith(t, func(c echo.Context) error {
		require.Equal(t, "/internal/posts/"+id, c.Request().URL.Path)
		return c.JSON(200, map[string]string{"id": id, "title": "A tree", "author_id": "ann"})
	})
	post, err := m.Published(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, comments.Post{ID: id, Title: "A tree", AuthorID: "ann"}, post)
	_, err = m.Published(t.Context(), "../people")
	require.True(t, problem.Is(err, problem.NotFound), "what is no id asks nobody")
	other := contracts.NewID()
	m = monolith(t, func(c echo.Context) error { return c.JSON(200, map[string]string{"id": id}) })
	_, err = m.Published(t.Context(), other)
	require.ErrorContains(t, err, "where "+other+" was asked for")
}

// Whoever asks this host is told of a post that is not there, and of nothing that is
// between this host and the monolith.
func TestWhatTheMonolithRefusesIsNotTheAskersFault(t *testing.T) {
	for kind, want := range map[problem.Kind]problem.Kind{
		problem.NotFound: problem.NotFound, problem.Forbidden: problem.Internal, problem.Unauthenticated: problem.Internal,
		problem.Validation: problem.Internal, problem.Internal: problem.Internal,
	} {
		m := monolith(t, func(echo.Context) error { return problem.New(kind, "because") })
		_, err := m.Published(t.Context(), contracts.NewID())
		require.Equal(t, want, problem.KindOf(err), "%s: %v", kind, err)
		require.False(t, call.IsUnavailable(err))
	}
	m := monolith(t, func(echo.Context) error { return problem.New(problem.Forbidden, "because") })
	require.ErrorContains(t, m.Check(t.Context()), "monolith refuses this host: give both the same IDENTITY_KEY")
	m = monolith(t, func(echo.Context) error { return problem.New(httpkit.Unavailable, "restarting") })
	_, err := m.Judge(t.Context(), "text")
	require.True(t, call.IsUnavailable(err))
}

func TestAVerdictIsAskedFor(t *testing.T) {
	var status string
	m := monolith(t, func(c echo.Context) error {
		in, _, err := httpkit.Read[struct{ Text string }](c)
		if err != nil {
			return err
		}
		return c.JSON(200, map[string]string{"status": status, "reason": in.Text})
	})
	for _, status = range []string{"approved", "pending", "rejected"} {
		verdict, err := m.Judge(t.Context(), "text")
		require.NoError(t, err)
		require.Equal(t, contracts.Verdict{Status: contracts.CommentStatus(status), Reason: "text"}, verdict)
	}
	for _, status = range []string{"", "maybe"} {
		_, err := m.Judge(t.Context(), "text")
		require.ErrorContains(t, err, "which is none")
	}
}

// directory counts what it is asked.
type directory struct {
	mu    sync.Mutex
	asked [][]string
	names map[string]string
	err   error
	wait  time.Duration
}

func (d *directory) ask(ctx context.Context, ids []string) (map[string]string, error) {
	d.mu.Lock()
	d.asked = append(d.asked, slices.Clone(ids))
	d.mu.Unlock()
	time.Sleep(d.wait) // on synctest's clock
	if d.err != nil || ctx.Err() != nil {
		return nil, errors.Join(d.err, ctx.Err())
	}
	found := map[string]string{}
	for _, id := range ids {
		if name, ok := d.names[id]; ok {
			found[id] = name
		}
	}
	return found, nil
}

func people(d *directory) *People {
	return &People{ask: d.ask, now: time.Now, known: map[string]known{}}
}

func TestNamesAreRememberedForAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{names: map[string]string{"ann": "Ann", "rita": "Rita"}}
		p := people(d)
		names, err := p.Names(t.Context(), []string{"rita", "ann", "gone", "ann"})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"ann": "Ann", "rita": "Rita"}, names)
		require.Equal(t, [][]string{{"ann", "gone", "rita"}}, d.asked)
		d.names["ann"] = "Anna"
		time.Sleep(nameAge - time.Nanosecond)
		again, err := p.Names(t.Context(), []string{"ann", "gone"})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"ann": "Ann"}, again)
		require.Len(t, d.asked, 1)
		time.Sleep(time.Nanosecond)
		again, err = p.Names(t.Context(), []string{"ann"})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"ann": "Anna"}, again)
		none, err := p.Names(t.Context(), nil)
		require.NoError(t, err)
		require.Empty(t, none)
		require.Len(t, d.asked, 2, "nobody is asked for nobody's name")
	})
}

func TestWhoWantsTheSameNamesAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := &directory{names: map[string]string{"ann": "Ann"}, wait: time.Second}
		p := people(d)
		leaves, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() { _, err := p.Names(leaves, []string{"ann"}); left <- err }()
		synctest.Wait()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				names, err := p.Names(t.Context(), []string{"ann"})
				require.NoError(t, err)
				require.Equal(t, "Ann", names["ann"])
			})
		}
		synctest.Wait()
		leave()
		require.ErrorIs(t, <-left, context.Canceled, "who asked first has gone; the others get their answer")
		all.Wait()
		require.Len(t, d.asked, 1)
	})
}

func TestAFailureIsNotRemembered(t *testing.T) {
	d := &directory{names: map[string]string{"ann": "Ann"}, err: errors.New("away")}
	p := people(d)
	_, err := p.Names(t.Context(), []string{"ann"})
	require.ErrorContains(t, err, "away")
	d.err = nil
	names, err := p.Names(t.Context(), []string{"ann"})
	require.NoError(t, err)
	require.Equal(t, "Ann", names["ann"])
}

func TestMemoryAndQuestionsAreBounded(t *testing.T) {
	d := &directory{names: map[string]string{}}
	p := people(d)
	var ids []string
	for i := range mostNames + 250 {
		id := fmt.Sprintf("%05d", i)
		ids, d.names[id] = append(ids, id), "n"+id
	}
	names, err := p.Names(t.Context(), ids)
	require.NoError(t, err)
	require.Equal(t, d.names, names)
	require.LessOrEqual(t, len(p.known), mostNames)
	require.Greater(t, len(p.known), mostNames/2)
	for _, asked := range d.asked {
		require.LessOrEqual(t, len(asked), askAtOnce)
	}
}

func TestWhatIsLeftIsNotDone(t *testing.T) {
	require.NoError(t, Left{}.CommentApproved(t.Context(), contracts.CommentNotice{}))
	done, left := Effects()
	all := slices.Concat(done, left)
	require.Equal(t, []contracts.Effect{contracts.EffectVerdict}, done)
	for _, effect := range contracts.Effect("").Known() {
		if effect != contracts.EffectComments { // of a post's deletion
			require.Contains(t, all, effect)
		}
	}
}
