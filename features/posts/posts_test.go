package posts_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// shelf is a store in memory, with what the use cases need of one.
type shelf struct {
	posts.Store
	rows    map[string]contracts.Post
	deleted map[string]string
	asked   posts.Filter
}

func (s *shelf) Create(_ context.Context, p contracts.Post, _ contracts.Key) (contracts.Post, bool, error) {
	s.rows[p.ID] = p
	return p, false, nil
}

func (s *shelf) Get(_ context.Context, id string) (contracts.Post, error) {
	if p, ok := s.rows[id]; ok {
		return p, nil
	}
	return contracts.Post{}, problem.New(problem.NotFound, "none")
}

func (s *shelf) Update(_ context.Context, p contracts.Post, _ contracts.Key) (contracts.Post, bool, error) {
	if s.rows[p.ID].Version != p.Version {
		return contracts.Post{}, false, problem.New(problem.VersionMismatch, "another")
	}
	p.Version++
	s.rows[p.ID] = p
	return p, false, nil
}

func (s *shelf) Delete(_ context.Context, id string, _ int) error {
	s.deleted[id] = s.rows[id].Author.ID
	delete(s.rows, id)
	return nil
}

func (s *shelf) DeletedBy(_ context.Context, id string) (string, error) {
	if by, ok := s.deleted[id]; ok {
		return by, nil
	}
	return "", problem.New(problem.NotFound, "none")
}

func (s *shelf) List(_ context.Context, f posts.Filter, _ paging.Page) (paging.List[contracts.PostSummary], error) {
	s.asked = f
	return paging.List[contracts.PostSummary]{}, nil
}

func (s *shelf) SetCover(context.Context, string, posts.Cover) error { return nil }

func service() (*posts.Service, *shelf) {
	store := &shelf{rows: map[string]contracts.Post{}, deleted: map[string]string{}}
	return posts.NewService(store, func() time.Time { return time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC) }), store
}

func viewer(id string, role contracts.Role) contracts.Viewer {
	return contracts.Viewer{Person: contracts.Person{ID: id, Name: id}, Role: role}
}

var (
	ann    = viewer("ann", contracts.Author)
	ben    = viewer("ben", contracts.Author)
	rita   = viewer("rita", contracts.Reader)
	mo     = viewer("mo", contracts.Moderator)
	nobody = contracts.Viewer{}
	text   = posts.Text{Title: "Title", Body: "Some *text*.", Tags: []string{"b", "a", "b"}}
)

func kindOf(err error) problem.Kind {
	if err == nil {
		return ""
	}
	return problem.KindOf(err)
}

func TestAPostIsDerivedFromItsText(t *testing.T) {
	s, _ := service()
	p, _, err := s.Create(t.Context(), ann, posts.Text{Title: "  Grüße, World!  ", Body: "Some *text*.", Tags: text.Tags}, true, contracts.Key{})
	require.NoError(t, err)
	require.Equal(t, "Grüße, World!", p.Title)
	require.Equal(t, "grüße-world", p.Slug)
	require.Equal(t, "<p>Some <em>text</em>.</p>\n", p.HTML)
	require.Equal(t, "Some text.", p.Excerpt)
	require.Equal(t, []string{"a", "b"}, p.Tags)
	require.Equal(t, contracts.Published, p.Status)
	require.Equal(t, p.CreatedAt, *p.PublishedAt)
	require.Zero(t, p.CreatedAt.Nanosecond()%1000, "as exact as the database keeps it")
}

func TestABadTextNamesEachField(t *testing.T) {
	for name, c := range map[string]struct {
		in     posts.Text
		fields int
	}{
		"empty":         {posts.Text{}, 2},
		"blank":         {posts.Text{Title: " ", Body: "\n\t"}, 2},
		"long title":    {posts.Text{Title: strings.Repeat("ü", 201), Body: "x"}, 1},
		"long body":     {posts.Text{Title: "x", Body: strings.Repeat("x", 256*1024+1)}, 1},
		"NUL":           {posts.Text{Title: "x", Body: "a\x00b"}, 1},
		"no UTF-8":      {posts.Text{Title: "x", Body: "a\xffb"}, 1},
		"many tags":     {posts.Text{Title: "x", Body: "x", Tags: strings.Fields("a b c d e f g h i")}, 1},
		"each bad tag":  {posts.Text{Title: "x", Body: "x", Tags: []string{"Go", "", "a b", "-a", "a--b", "a,b", strings.Repeat("a", 41)}}, 7},
		"title at most": {posts.Text{Title: strings.Repeat("ü", 200), Body: "x"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := service()
			_, _, err := s.Create(t.Context(), ann, c.in, false, contracts.Key{})
			if c.fields == 0 {
				require.NoError(t, err)
				return
			}
			var p *problem.Error
			require.ErrorAs(t, err, &p)
			require.Equal(t, problem.Validation, p.Kind)
			require.Len(t, p.Fields, c.fields)
		})
	}
}

func TestWhoMayDoWhatToAPost(t *testing.T) {
	type act func(s *posts.Service, v contracts.Viewer, id string) error
	acts := map[string]act{
		"read": func(s *posts.Service, v contracts.Viewer, id string) error {
			_, err := s.Get(t.Context(), v, id)
			return err
		},
		"edit": func(s *posts.Service, v contracts.Viewer, id string) error {
			_, _, err := s.Edit(t.Context(), v, id, text, 1, contracts.Key{})
			return err
		},
		"publish": func(s *posts.Service, v contracts.Viewer, id string) error {
			_, err := s.Publish(t.Context(), v, id, contracts.Key{})
			return err
		},
		"delete": func(s *posts.Service, v contracts.Viewer, id string) error { return s.Delete(t.Context(), v, id, 0) },
		"cover": func(s *posts.Service, v contracts.Viewer, id string) error {
			_, err := s.SetCover(t.Context(), v, id, []byte("\x89PNG\r\n\x1a\n"))
			return err
		},
	}
	const none, gone, no = problem.Unauthenticated, problem.NotFound, problem.Forbidden
	for _, c := range []struct {
		v                contracts.Viewer
		act              string
		published, draft problem.Kind
	}{
		{ann, "read", "", ""}, {ben, "read", "", gone}, {mo, "read", "", gone}, {nobody, "read", "", gone},
		{ann, "edit", "", ""}, {ben, "edit", no, gone}, {mo, "edit", no, gone}, {nobody, "edit", none, none},
		{ann, "publish", "", ""}, {ben, "publish", no, gone}, {mo, "publish", no, gone}, {nobody, "publish", none, none},
		{ann, "cover", "", ""}, {ben, "cover", no, gone}, {mo, "cover", no, gone}, {nobody, "cover", none, none},
		{ann, "delete", "", ""}, {ben, "delete", no, gone}, {rita, "delete", no, gone}, {nobody, "delete", none, none},
		{mo, "delete", "", gone},
	} {
		for _, publish := range []bool{true, false} {
			s, _ := service()
			p, _, err := s.Create(t.Context(), ann, text, publish, contracts.Key{})
			require.NoError(t, err)
			want := c.draft
			if publish {
				want = c.published
			}
			require.Equal(t, want, kindOf(acts[c.act](s, c.v, p.ID)), "%s, %q, published %v", c.v.Name, c.act, publish)
		}
	}
}

func TestOnlyAuthorsWrite(t *testing.T) {
	s, _ := service()
	for v, want := range map[contracts.Viewer]problem.Kind{nobody: problem.Unauthenticated, rita: problem.Forbidden, ann: "", mo: ""} {
		_, _, err := s.Create(t.Context(), v, text, false, contracts.Key{})
		require.Equal(t, want, kindOf(err), v.Name)
	}
}

func TestDeletingAgainIsFineForWhoMay(t *testing.T) {
	s, _ := service()
	p, _, err := s.Create(t.Context(), ann, text, true, contracts.Key{})
	require.NoError(t, err)
	require.NoError(t, s.Delete(t.Context(), ann, p.ID, 0))
	for v, want := range map[contracts.Viewer]problem.Kind{ann: "", mo: "", ben: problem.NotFound, nobody: problem.Unauthenticated} {
		require.Equal(t, want, kindOf(s.Delete(t.Context(), v, p.ID, 0)), v.Name)
	}
}

func TestPublishingTwiceKeepsTheFirstMoment(t *testing.T) {
	s, _ := service()
	p, _, err := s.Create(t.Context(), ann, text, false, contracts.Key{})
	require.NoError(t, err)
	first, err := s.Publish(t.Context(), ann, p.ID, contracts.Key{})
	require.NoError(t, err)
	again, err := s.Publish(t.Context(), ann, p.ID, contracts.Key{})
	require.NoError(t, err)
	require.Equal(t, first, again)
}

// busy is a shelf on which somebody edits the post right after the first look at it.
type busy struct {
	*shelf
	edits int
}

func (b *busy) Get(ctx context.Context, id string) (contracts.Post, error) {
	p, err := b.shelf.Get(ctx, id)
	if b.edits > 0 {
		b.edits--
		edited := p
		edited.Title, edited.Version = "Edited meanwhile", p.Version+1
		b.rows[id] = edited
	}
	return p, err
}

func TestPublishingBesideAnEditPublishesTheEdit(t *testing.T) {
	s, shelf := service()
	p, _, err := s.Create(t.Context(), ann, posts.Text{Title: "Draft", Body: "text"}, false, contracts.Key{})
	require.NoError(t, err)
	s = posts.NewService(&busy{shelf, 2}, time.Now)
	p, err = s.Publish(t.Context(), ann, p.ID, contracts.Key{})
	require.NoError(t, err)
	require.Equal(t, contracts.Published, p.Status)
	require.Equal(t, "Edited meanwhile", p.Title)
}

func TestNobodyListsOthersDrafts(t *testing.T) {
	s, store := service()
	_, err := s.List(t.Context(), posts.Filter{AuthorID: "ann", Drafts: true}, paging.Page{})
	require.NoError(t, err)
	require.False(t, store.asked.Drafts)
	_, err = s.Mine(t.Context(), ben, paging.Page{})
	require.NoError(t, err)
	require.Equal(t, posts.Filter{AuthorID: "ben", Drafts: true}, store.asked)
	_, err = s.Mine(t.Context(), nobody, paging.Page{})
	require.Equal(t, problem.Unauthenticated, kindOf(err))
}

func TestACoverIsWhatItsBytesSay(t *testing.T) {
	s, _ := service()
	p, _, err := s.Create(t.Context(), ann, text, true, contracts.Key{})
	require.NoError(t, err)
	for content, want := range map[string]problem.Kind{
		"\x89PNG\r\n\x1a\n": "", "GIF89a": "", "\xff\xd8\xff": "", "RIFF\x00\x00\x00\x00WEBPVP": "",
		"<svg onload=alert(1)>": problem.UnsupportedMediaType, "<html>": problem.UnsupportedMediaType, "": problem.UnsupportedMediaType,
		"%PDF-": problem.UnsupportedMediaType, strings.Repeat("x", posts.MaxCover+1): problem.TooLarge,
	} {
		_, err := s.SetCover(t.Context(), ann, p.ID, []byte(content))
		require.Equal(t, want, kindOf(err), "%.20q", content)
	}
}

func TestASlugIsLettersDigitsAndSingleHyphens(t *testing.T) {
	for title, want := range map[string]string{
		"Hello, World!": "hello-world", "  --  ": "post", "": "post", "Go 1.26 — ümläut": "go-1-26-ümläut", "日本語 text": "日本語-text",
		"../../etc/passwd": "etc-passwd", "a\x00b": "a-b", `"><script>`: "script",
	} {
		require.Equal(t, want, posts.Slug(title), "%q", title)
	}
	rapid.Check(t, func(t *rapid.T) {
		slug := posts.Slug(rapid.String().Draw(t, "title"))
		if slug == "" || len(slug) > 90 || !utf8.ValidString(slug) || strings.Contains(slug, "--") || strings.Trim(slug, "-") != slug || strings.ContainsAny(slug, "/?#%&\"'<> ") {
			t.Fatalf("slug %q", slug)
		}
	})
}

func TestAnExcerptIsPlainTextAndShort(t *testing.T) {
	r := posts.NewRenderer()
	require.Equal(t, `a & b <c>`, r.Excerpt("<p>a &amp; <b>b</b> &lt;c&gt;</p>", 100))
	require.Equal(t, "one two…", r.Excerpt("<p>one two three</p>", 9))
	rapid.Check(t, func(t *rapid.T) {
		got := r.Excerpt(rapid.String().Draw(t, "html"), 20)
		if n := utf8.RuneCountInString(got); n > 21 {
			t.Fatalf("%d characters: %q", n, got)
		}
	})
}

// attacks are Markdown and HTML that would run something in a reader's browser.
var attacks = []string{
	`<script>alert(1)</script>`, `<ScRiPt src=//x></sCrIpT>`, `<img src=x onerror=alert(1)>`, `<svg onload=alert(1)>`, `<svg><script>alert(1)</script></svg>`,
	`[x](javascript:alert(1))`, `[x](JaVaScRiPt:alert(1))`, `[x]( javascript:alert(1))`, "[x](java\nscript:alert(1))", `[x](data:text/html;base64,PHNjcmlwdD4=)`,
	`[x](vbscript:x)`, `![x](javascript:alert(1))`, `![x" onerror="alert(1)](y)`, `[x](y "onclick=alert(1)")`, `<javascript:alert(1)>`,
	`<a href="javascript:alert(1)">x</a>`, `<a href="jav&#x09;ascript:alert(1)">x</a>`, `<a href="&#106;avascript:alert(1)">x</a>`, `<a onclick=alert(1)>x</a>`,
	`<iframe src=//x></iframe>`, `<object data=x></object>`, `<embed src=x>`, `<form action=//x><input name=password></form>`, `<button formaction=javascript:alert(1)>`,
	`<style>*{background:url(//x)}</style>`, `<p style="position:fixed;inset:0">x</p>`, `<base href=//x>`, `<meta http-equiv=refresh content="0;url=//x">`, `<link rel=stylesheet href=//x>`,
	`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`, `<noscript><p title="</noscript><img src=x onerror=alert(1)>">`,
	`<details open ontoggle=alert(1)>`, "```\n</code></pre><script>alert(1)</script>\n```", "`<script>alert(1)</script>`", "<!--<img src=\"--><img src=x onerror=alert(1)//\">",
	`<a id="x" name="getElementById">clobber</a>`, `<x:script xmlns:x="http://www.w3.org/1999/xhtml">alert(1)</x:script>`, "<plaintext>", "<textarea><script>", "</p></div><script>alert(1)</script>",
}

func TestNoAttackSurvivesRendering(t *testing.T) {
	r := posts.NewRenderer()
	for _, attack := range attacks {
		for _, form := range []string{"%s", "# %s", "- %s", "> %s", "| a |\n|---|\n| %s |", "text %s text", "[%s](https://example.org)"} {
			requireHarmless(t, r, fmt.Sprintf(form, attack))
		}
	}
}

func TestNoMixtureOfAttacksSurvivesRendering(t *testing.T) {
	r := posts.NewRenderer()
	rapid.Check(t, func(t *rapid.T) {
		var b strings.Builder
		for range rapid.IntRange(1, 6).Draw(t, "parts") {
			attack := rapid.SampledFrom(attacks).Draw(t, "attack")
			cut := rapid.IntRange(0, len(attack)).Draw(t, "cut")
			b.WriteString(attack[:cut] + rapid.SampledFrom([]string{"", "\n", "\n\n", " ", "<", ">", "\"", "`", "[", "](", "&lt;"}).Draw(t, "glue"))
		}
		requireHarmless(t, r, strings.ToValidUTF8(b.String(), "?"))
	})
}

// requireHarmless reads what was rendered as a browser does.
func requireHarmless(t require.TestingT, r *posts.Renderer, markdown string) {
	rendered, err := r.HTML(markdown)
	require.NoError(t, err)
	root, err := html.Parse(strings.NewReader("<body><article>" + rendered + "</article></body>"))
	require.NoError(t, err)
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		switch n.Data {
		case "script", "style", "iframe", "object", "embed", "form", "button", "textarea", "svg", "math", "base", "meta", "link", "noscript", "plaintext", "template":
			require.Fail(t, "an element that can do something", "%q made %s", markdown, rendered)
		}
		for _, a := range n.Attr {
			value := strings.ToLower(strings.Join(strings.Fields(a.Val), ""))
			require.False(t, strings.HasPrefix(a.Key, "on") || a.Key == "style" || a.Key == "srcdoc", "%q made %s", markdown, rendered)
			if a.Key == "href" || a.Key == "src" {
				require.NotRegexp(t, `^(javascript|vbscript|data):`, value, "%q made %s", markdown, rendered)
			}
		}
	}
}

func TestLinksLeadOutWithoutHandingOverThePage(t *testing.T) {
	rendered, err := posts.NewRenderer().HTML("[x](https://example.org) and https://example.com")
	require.NoError(t, err)
	require.Equal(t, 2, strings.Count(rendered, `rel="nofollow noopener"`), rendered)
}
