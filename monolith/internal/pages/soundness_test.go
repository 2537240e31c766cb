package pages_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
	"banyan.dev/features/posts"
	"banyan.dev/monolith/internal/pages/pagestest"
)

// town is a blog with people and something on every page.
type town struct {
	*pagestest.Blog
	ann, rita, mo accounts.Account
	post, draft   contracts.Post
	said, held    contracts.Comment
}

func settle(t *testing.T) town {
	t.Helper()
	w := town{Blog: pagestest.Start(t)}
	w.ann, w.rita, w.mo = w.Join(t, "Ann", contracts.Author), w.Join(t, "Rita", contracts.Reader), w.Join(t, "Mo", contracts.Moderator)
	for i := range 23 { // more than one page
		w.Write(t, w.ann, posts.Text{Title: fmt.Sprintf("Post %d", i), Body: "Some text.", Tags: []string{"many"}})
	}
	w.post = w.Write(t, w.ann, posts.Text{Title: "Über Bäume", Body: "Roots & *leaves*.", Tags: []string{"trees"}})
	var err error
	w.draft, _, err = w.Posts.Create(t.Context(), w.ann.Viewer(), posts.Text{Title: "Not yet", Body: "Draft."}, false, contracts.Key{})
	require.NoError(t, err)
	_, _, err = w.Moderation.AddRule(t.Context(), w.mo.Viewer(), moderation.Rule{Kind: moderation.Word, Pattern: "spam", Verdict: contracts.Pending}, contracts.Key{})
	require.NoError(t, err)
	w.said = w.Say(t, w.rita, w.post.ID, "Well said.")
	w.held = w.Say(t, w.rita, w.post.ID, "This is spam.")
	return w
}

// TestEveryLinkLeadsSomewhere walks from page to page as each kind of person, and
// looks whether what comes is sound.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	w := settle(t)
	for name, who := range map[string]*person{
		"a visitor": visit(t, w.Blog), "a reader": signIn(t, w.Blog, "rita@blog.test"),
		"an author": signIn(t, w.Blog, "ann@blog.test"), "a moderator": signIn(t, w.Blog, "mo@blog.test"),
	} {
		t.Run(name, func(t *testing.T) {
			who.t = t
			seen, todo := map[string]bool{"/": true}, []string{"/"}
			for len(todo) > 0 {
				path := todo[0]
				todo = todo[1:]
				for _, next := range crawl(t, who, path) {
					if !seen[next] {
						seen[next] = true
						todo = append(todo, next)
					}
				}
			}
			require.Greater(t, len(seen), 40, "the walk got about")
		})
	}
}

// crawl opens a page and returns where it leads on our own site.
func crawl(t *testing.T, who *person, path string) []string {
	t.Helper()
	pg := who.get(path)
	switch pg.status {
	case http.StatusSeeOther, http.StatusFound:
		return []string{pg.header.Get("Location")}
	case http.StatusForbidden: // the reader's way to the first page of an author
		require.Equal(t, "/write", path)
	default:
		require.Equal(t, http.StatusOK, pg.status, "%s: %s", path, pg.body)
	}
	if pg.root == nil {
		return nil
	}
	mustBeSound(t, pg)
	var next []string
	for node := range pg.root.Descendants() {
		for _, a := range node.Attr {
			if (a.Key == "href" || a.Key == "src") && !strings.Contains(a.Val, "://") {
				to, err := pg.address.Parse(a.Val)
				require.NoError(t, err)
				if to.Path == pg.address.Path && to.Fragment != "" && to.RawQuery == pg.address.RawQuery {
					require.NotNil(t, pg.byID(to.Fragment), "%s leads to #%s", path, to.Fragment)
				}
				next = append(next, to.RequestURI())
			}
		}
	}
	return next
}

// mustBeSound: well formed, with nothing inline that the content policy refuses, and
// every field with a label.
func mustBeSound(t *testing.T, pg *page) {
	t.Helper()
	where := pg.address.Path
	assert.True(t, strings.HasPrefix(pg.body, "<!DOCTYPE html>"), where)
	mustBalance(t, where, pg.body)
	labels, ids := map[string]bool{}, map[string]bool{}
	for _, l := range pg.elements("label") {
		labels[attr(l, "for")] = true
	}
	for node := range pg.root.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		for _, a := range node.Attr {
			assert.False(t, a.Key == "style" || strings.HasPrefix(a.Key, "on"), "%s: <%s %s>", where, node.Data, a.Key)
			assert.False(t, strings.HasPrefix(strings.ToLower(strings.TrimSpace(a.Val)), "javascript:"), "%s: <%s %s>", where, node.Data, a.Key)
			assert.NotContains(t, a.Val, "ZgotmplZ", where)
		}
		if id := attr(node, "id"); id != "" {
			assert.False(t, ids[id], "%s: id %s is there twice", where, id)
			ids[id] = true
		}
		assert.NotEqual(t, "style", node.Data, where)
		if node.Data == "script" {
			assert.NotEmpty(t, attr(node, "src"), "%s has an inline script", where)
		}
		kind := attr(node, "type")
		if node.Data == "input" && kind != "hidden" && kind != "radio" || node.Data == "select" || node.Data == "textarea" && !has(node, "hidden") {
			assert.True(t, labels[attr(node, "id")], "%s: the field %s has no label", where, attr(node, "name"))
		}
	}
	assert.Len(t, pg.elements("main"), 1, where)
	assert.Len(t, pg.elements("title"), 1, where)
	assert.NotContains(t, pg.body, "<no value>", where)
}

// mustBalance finds elements that are not closed in the order they were opened,
// which a parser would mend in silence.
func mustBalance(t *testing.T, where, body string) {
	t.Helper()
	void := []string{"meta", "link", "input", "img", "br", "hr", "path", "circle"}
	var open []string
	tokens := html.NewTokenizer(strings.NewReader(body))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			break
		}
		name, _ := tokens.TagName()
		tag := string(name)
		switch {
		case kind == html.StartTagToken && !slices.Contains(void, tag):
			open = append(open, tag)
		case kind == html.EndTagToken:
			if !assert.NotEmpty(t, open, "%s: </%s> closes nothing", where, tag) || !assert.Equal(t, open[len(open)-1], tag, "%s", where) {
				return
			}
			open = open[:len(open)-1]
		}
	}
	assert.Empty(t, open, "%s: not closed", where)
}

const hostile = `An honest line. <script>alert(1)</script><img src=x onerror=alert(1)><svg/onload=alert(1)>` +
	`<a href="javascript:alert(1)">raw</a> [link](javascript:alert(1)) <form action="https://evil.example"><input name=q></form>` +
	`<style>body{display:none}</style> </textarea><script>alert(1)</script> "><b onmouseover=alert(1)>`

func TestNothingThatSomebodyWroteRuns(t *testing.T) {
	w := settle(t)
	evil := w.Join(t, `Eve <script>alert(1)</script>" onload="alert(1)`, contracts.Author)
	post := w.Write(t, evil, posts.Text{Title: `<script>alert(1)</script>"><img src=x onerror=alert(1)>`, Body: hostile, Tags: []string{"evil"}})
	comment := w.Say(t, evil, post.ID, hostile)
	eve, visitor, mo := signIn(t, w.Blog, evil.Email), visit(t, w.Blog), signIn(t, w.Blog, "mo@blog.test")
	seen := []*page{
		visitor.opens("/posts/" + post.ID + "/" + post.Slug), visitor.opens("/"), visitor.opens("/tags/evil"), visitor.opens("/authors/" + evil.ID),
		visitor.opens("/search?q=%3Cscript%3Ealert(1)%3C/script%3E"), visitor.get("/no/<script>alert(1)</script>"), visitor.get("/tags/<script>alert(1)"),
		visitor.opens("/sign-in?next=%22%3E%3Cscript%3Ealert(1)%3C/script%3E"), eve.opens("/me/posts"), eve.opens("/me/profile"),
		eve.opens("/posts/" + post.ID + "/edit"), eve.opens("/posts/" + post.ID + "/delete"), eve.opens("/comments/" + comment.ID + "/edit"),
		eve.opens("/comments/" + comment.ID + "/delete"), mo.opens("/posts/" + post.ID + "/" + post.Slug),
		eve.opens("/write").form("/write").fill("title", hostile).fill("body", hostile).fill("tags", hostile).fill("do", "preview").submit(),
		eve.opens("/write").form("/write").fill("title", "").fill("body", hostile).fill("tags", hostile).submit(),
		visitor.posts("/sign-up", map[string][]string{"name": {hostile}, "email": {hostile}, "password": {"x"}}),
	}
	for _, pg := range seen {
		mustBeSoundBesidesForeign(t, pg)
	}
	feed := visitor.get("/feed.atom")
	require.NotContains(t, feed.body, "<script")
	require.NoError(t, xml.Unmarshal([]byte(feed.body), new(struct{})))
}

// mustBeSoundBesidesForeign is mustBeSound without the balance, which belongs to what
// the sanitiser leaves of others' markup.
func mustBeSoundBesidesForeign(t *testing.T, pg *page) {
	t.Helper()
	require.NotNil(t, pg.root, pg.address)
	for node := range pg.root.Descendants() {
		if node.Type != html.ElementNode {
			continue
		}
		for _, a := range node.Attr {
			value := strings.ToLower(strings.TrimSpace(a.Val))
			assert.False(t, strings.HasPrefix(a.Key, "on") || strings.HasPrefix(value, "javascript:"), "%s: <%s %s=%q>", pg.address, node.Data, a.Key, a.Val)
		}
		switch node.Data {
		case "script":
			assert.True(t, strings.HasPrefix(attr(node, "src"), "/static/"), "%s has a foreign script", pg.address)
		case "style", "iframe", "object", "embed", "base":
			assert.Fail(t, "foreign element", "%s: <%s>", pg.address, node.Data)
		case "form":
			assert.True(t, strings.HasPrefix(attr(node, "action"), "/"), "%s has a form to %s", pg.address, attr(node, "action"))
		}
	}
	assert.Contains(t, pg.header.Get("Content-Security-Policy"), "script-src 'self'")
}
