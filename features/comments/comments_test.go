package comments_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/problem"
)

// world is everything around comments, in memory: the store, the posts, the rules and
// who is told.
type world struct {
	comments.Store
	rows    map[string]contracts.Comment
	deleted map[string]string
	effects []comments.Effects
	verdict contracts.Verdict
	told    []contracts.CommentNotice
	mail    error
}

func (w *world) Create(_ context.Context, c contracts.Comment, e comments.Effects, key contracts.Key) (contracts.Comment, bool, error) {
	if key.Given() {
		for _, one := range w.rows { // of the one who wrote with this key before
			return one, true, nil
		}
	}
	w.rows[c.ID], w.effects = c, append(w.effects, e)
	return c, false, nil
}

func (w *world) Get(_ context.Context, id string) (contracts.Comment, error) {
	if c, ok := w.rows[id]; ok {
		return c, nil
	}
	return contracts.Comment{}, problem.New(problem.NotFound, "none")
}

func (w *world) Update(_ context.Context, c contracts.Comment, e comments.Effects, _ contracts.Key) (contracts.Comment, bool, error) {
	if w.rows[c.ID].Version != c.Version {
		return contracts.Comment{}, false, problem.New(problem.VersionMismatch, "another")
	}
	c.Version++
	w.rows[c.ID], w.effects = c, append(w.effects, e)
	return c, false, nil
}

func (w *world) Delete(_ context.Context, id string, _ int) error {
	w.deleted[id] = w.rows[id].Author.ID
	delete(w.rows, id)
	return nil
}

func (w *world) DeletedBy(_ context.Context, id string) (string, error) {
	if by, ok := w.deleted[id]; ok {
		return by, nil
	}
	return "", problem.New(problem.NotFound, "none")
}

func (w *world) Published(_ context.Context, id string) (comments.Post, error) {
	if id != "post" {
		return comments.Post{}, problem.New(problem.NotFound, "no post")
	}
	return comments.Post{ID: "post", Title: "Talk", AuthorID: ann.ID}, nil
}

func (w *world) Judge(context.Context, string) (contracts.Verdict, error) { return w.verdict, nil }

func (w *world) CommentApproved(_ context.Context, n contracts.CommentNotice) error {
	w.told = append(w.told, n)
	return w.mail
}

func service() (*comments.Service, *world) {
	w := &world{rows: map[string]contracts.Comment{}, deleted: map[string]string{}, verdict: contracts.Verdict{Status: contracts.Approved}}
	return comments.NewService(w, w, w, w, func() time.Time { return time.Unix(0, 0) }, slog.New(slog.DiscardHandler)), w
}

func viewer(id string, role contracts.Role) contracts.Viewer {
	return contracts.Viewer{Person: contracts.Person{ID: id, Name: id}, Role: role}
}

var (
	ann    = viewer("ann", contracts.Author)
	rita   = viewer("rita", contracts.Reader)
	ben    = viewer("ben", contracts.Reader)
	mo     = viewer("mo", contracts.Moderator)
	nobody = contracts.Viewer{}
)

var held = contracts.Verdict{Status: contracts.Pending, Reason: "a rule"}

func write(t *testing.T, s *comments.Service, v contracts.Viewer) contracts.Comment {
	t.Helper()
	c, _, err := s.Write(t.Context(), v, "post", " Hello ", contracts.Key{})
	require.NoError(t, err)
	return c
}

func kindOf(err error) problem.Kind {
	if err == nil {
		return ""
	}
	return problem.KindOf(err)
}

// late lets a moderator reject between an edit's look at the comment and its write.
type late struct{ *world }

func (l late) Get(ctx context.Context, id string) (contracts.Comment, error) {
	c, err := l.world.Get(ctx, id)
	rejected := c
	rejected.Status, rejected.Version = contracts.Rejected, c.Version+1
	l.rows[id] = rejected
	return c, err
}

func TestAnEditThatGuessesTheNextVersionDoesNotUndoAVerdict(t *testing.T) {
	s, w := service()
	c := write(t, s, rita)
	l := late{w}
	s = comments.NewService(l, w, w, w, time.Now, slog.New(slog.DiscardHandler))
	_, _, err := s.Edit(t.Context(), rita, c.ID, "again", c.Version+1, contracts.Key{})
	require.Equal(t, problem.VersionMismatch, kindOf(err))
	require.Equal(t, contracts.Rejected, w.rows[c.ID].Status)
}

func TestAnAuthorIsToldWhenAnEditSetsACommentFree(t *testing.T) {
	s, w := service()
	w.verdict = held
	c := write(t, s, rita)
	require.Empty(t, w.told)
	w.verdict = contracts.Verdict{Status: contracts.Approved}
	c, _, err := s.Edit(t.Context(), rita, c.ID, "Hello, without the word", c.Version, contracts.Key{})
	require.NoError(t, err)
	require.Equal(t, contracts.Approved, c.Status)
	require.Len(t, w.told, 1)
	require.NotNil(t, w.effects[len(w.effects)-1].Notice)
	_, _, err = s.Edit(t.Context(), rita, c.ID, "Hello again", c.Version, contracts.Key{})
	require.NoError(t, err)
	require.Len(t, w.told, 1, "an edit of what everyone sees is no news")
}

func TestAnAuthorIsToldOfAnothersComment(t *testing.T) {
	s, w := service()
	c := write(t, s, rita)
	require.Equal(t, "Hello", c.Body)
	want := contracts.CommentNotice{PostID: "post", PostTitle: "Talk", CommentID: c.ID, Excerpt: "Hello", Actor: rita.Person, To: "ann"}
	require.Equal(t, []contracts.CommentNotice{want}, w.told)
	require.Equal(t, &want, w.effects[0].Notice, "the notification goes with the comment")
	write(t, s, ann)
	require.Len(t, w.told, 1, "her own is no news")
	require.Nil(t, w.effects[1].Notice)
}

func TestACommentThatIsHeldBackIsToldWhenItIsApproved(t *testing.T) {
	s, w := service()
	w.verdict = held
	c := write(t, s, rita)
	require.Equal(t, contracts.Pending, c.Status)
	require.Equal(t, comments.Effects{Reason: "a rule"}, w.effects[0])
	require.Empty(t, w.told)
	_, err := s.Decide(t.Context(), mo, c.ID, contracts.Approved)
	require.NoError(t, err)
	require.Len(t, w.told, 1)
	_, err = s.Decide(t.Context(), mo, c.ID, contracts.Approved)
	require.NoError(t, err)
	require.Len(t, w.told, 1, "deciding the same again tells nobody")
}

func TestAMailThatFailsIsNoFailedComment(t *testing.T) {
	s, w := service()
	w.mail = errors.New("no mail server")
	write(t, s, rita)
	require.Len(t, w.rows, 1)
}

func TestARetryTellsNobodyAgain(t *testing.T) {
	s, w := service()
	first := write(t, s, rita)
	again, replayed, err := s.Write(t.Context(), rita, "post", "Hello", contracts.Key{Value: "k"})
	require.NoError(t, err)
	require.True(t, replayed)
	require.Equal(t, first.ID, again.ID)
	require.Len(t, w.told, 1)
}

func TestWhatIsNoComment(t *testing.T) {
	s, w := service()
	for name, c := range map[string]struct {
		v          contracts.Viewer
		post, body string
		want       problem.Kind
	}{
		"a visitor's":      {nobody, "post", "x", problem.Unauthenticated},
		"under no post":    {rita, "none", "x", problem.NotFound},
		"empty":            {rita, "post", " \n ", problem.Validation},
		"too long":         {rita, "post", strings.Repeat("ü", 4001), problem.Validation},
		"with NUL":         {rita, "post", "a\x00b", problem.Validation},
		"not UTF-8":        {rita, "post", "a\xffb", problem.Validation},
		"as long as it is": {rita, "post", strings.Repeat("ü", 4000), ""},
	} {
		_, _, err := s.Write(t.Context(), c.v, c.post, c.body, contracts.Key{})
		require.Equal(t, c.want, kindOf(err), name)
	}
	require.Len(t, w.rows, 1)
}

func TestWhoMayDoWhatToAComment(t *testing.T) {
	type act func(s *comments.Service, v contracts.Viewer, id string) error
	acts := map[string]act{
		"read": func(s *comments.Service, v contracts.Viewer, id string) error {
			_, err := s.Get(t.Context(), v, id)
			return err
		},
		"edit": func(s *comments.Service, v contracts.Viewer, id string) error {
			_, _, err := s.Edit(t.Context(), v, id, "new", 1, contracts.Key{})
			return err
		},
		"delete": func(s *comments.Service, v contracts.Viewer, id string) error { return s.Delete(t.Context(), v, id, 0) },
		"decide": func(s *comments.Service, v contracts.Viewer, id string) error {
			_, err := s.Decide(t.Context(), v, id, contracts.Rejected)
			return err
		},
	}
	const none, gone, no = problem.Unauthenticated, problem.NotFound, problem.Forbidden
	for _, c := range []struct {
		v                 contracts.Viewer
		act               string
		approved, pending problem.Kind
	}{
		{rita, "read", "", ""}, {ben, "read", "", gone}, {ann, "read", "", gone}, {mo, "read", "", ""}, {nobody, "read", "", gone},
		{rita, "edit", "", ""}, {ben, "edit", no, gone}, {ann, "edit", no, gone}, {mo, "edit", no, no}, {nobody, "edit", none, none},
		{rita, "delete", "", ""}, {ben, "delete", no, gone}, {ann, "delete", no, gone}, {mo, "delete", "", ""}, {nobody, "delete", none, none},
		{rita, "decide", no, no}, {mo, "decide", "", ""}, {nobody, "decide", no, no},
	} {
		for _, pending := range []bool{false, true} {
			s, w := service()
			want := c.approved
			if pending {
				w.verdict, want = held, c.pending
			}
			said := write(t, s, rita)
			require.Equal(t, want, kindOf(acts[c.act](s, c.v, said.ID)), "%q, %s, pending %v", c.v.Name, c.act, pending)
		}
	}
}

func TestDeletingAgainIsFineForWhoMay(t *testing.T) {
	s, _ := service()
	c := write(t, s, rita)
	require.NoError(t, s.Delete(t.Context(), rita, c.ID, 0))
	for v, want := range map[contracts.Viewer]problem.Kind{rita: "", mo: "", ben: problem.NotFound, nobody: problem.Unauthenticated} {
		require.Equal(t, want, kindOf(s.Delete(t.Context(), v, c.ID, 0)), v.Name)
	}
}

func TestAnEditIsJudgedAnewButNeverUndoesARejection(t *testing.T) {
	s, w := service()
	c := write(t, s, rita)
	w.verdict = held
	c, _, err := s.Edit(t.Context(), rita, c.ID, "worse", c.Version, contracts.Key{})
	require.NoError(t, err)
	require.Equal(t, contracts.Pending, c.Status)
	require.Equal(t, "a rule", w.effects[1].Reason)

	c, err = s.Decide(t.Context(), mo, c.ID, contracts.Rejected)
	require.NoError(t, err)
	w.verdict = contracts.Verdict{Status: contracts.Approved}
	c, _, err = s.Edit(t.Context(), rita, c.ID, "sorry", c.Version, contracts.Key{})
	require.NoError(t, err)
	require.Equal(t, contracts.Rejected, c.Status)
	_, _, err = s.Edit(t.Context(), rita, c.ID, "late", 1, contracts.Key{})
	require.Equal(t, problem.VersionMismatch, kindOf(err))
}

func TestACommentIsShownAsText(t *testing.T) {
	s, _ := service()
	c, _, err := s.Write(t.Context(), rita, "post", "One <b>&amp;\r\ntwo\r\n\r\n\r\n\"three\"", contracts.Key{})
	require.NoError(t, err)
	require.Equal(t, "<p>One &lt;b&gt;&amp;amp;<br>two</p><p>&#34;three&#34;</p>", c.HTML)
	rapid.Check(t, func(t *rapid.T) {
		s, _ := service()
		body := rapid.StringOf(rapid.SampledFrom([]rune("<>&\"'/ \n\r\tabp!-=;"))).Draw(t, "body")
		c, _, err := s.Write(context.Background(), rita, "post", body, contracts.Key{})
		if err != nil {
			require.Equal(t, problem.Validation, problem.KindOf(err))
			return
		}
		root, err := html.Parse(strings.NewReader(c.HTML))
		require.NoError(t, err)
		for n := range root.Descendants() {
			require.NotEqual(t, html.CommentNode, n.Type)
			if n.Type == html.ElementNode {
				require.Contains(t, []string{"html", "head", "body", "p", "br"}, n.Data, "%q", body)
				require.Empty(t, n.Attr)
			}
		}
	})
}
