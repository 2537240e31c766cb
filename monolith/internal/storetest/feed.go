package storetest

import (
	"strings"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"banyan.dev/features/contracts"
	"banyan.dev/features/feed"
	"banyan.dev/platform/paging"
)

func (s *stage) feedPage(page paging.Page) (paging.List[feed.Entry], error) {
	return s.Feed.Feed(s.ctx(), page)
}

func idOfEntry(e feed.Entry) string { return e.Post.ID }
func idOfHit(h feed.Hit) string     { return h.ID }

func feedPromises() []promise {
	return []promise{
		{"the feed shows the newest posts with the last two comments under each", func(s *stage) {
			ann, rita := s.person("Ann", contracts.Author), s.person("Rita", contracts.Reader)
			quiet, busy := s.publish(ann, "Quiet", "tag"), s.publish(ann, "Busy")
			s.keep(draft(newPost(s, ann, "Draft")))
			s.say(rita, busy, contracts.Approved)
			second, third := s.say(rita, busy, contracts.Approved), s.say(ann, busy, contracts.Approved)
			s.say(rita, busy, contracts.Pending)
			s.say(rita, busy, contracts.Rejected)
			s.say(rita, quiet, contracts.Pending)

			list, err := s.Feed.Feed(s.ctx(), paging.Page{Limit: 10})
			require.NoError(s, err)
			require.Empty(s, list.Next)
			require.Len(s, list.Items, 2)
			want, err := s.Posts.Get(s.ctx(), busy.ID)
			require.NoError(s, err)
			require.Equal(s, feed.Entry{Post: want.PostSummary, Latest: []contracts.Comment{third, second}}, list.Items[0])
			require.Equal(s, feed.Entry{Post: quiet.PostSummary, Latest: []contracts.Comment{}}, list.Items[1])
		}},
		{"the feed's pages stay right while posts come", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			var want []string
			for range 7 {
				want = append(want, s.publish(ann, "Old").ID)
			}
			got := pages(s, 3, func() { s.publish(ann, "New") }, s.feedPage)
			require.Equal(s, reversed(want), ids(got, idOfEntry))
		}},
		{"an empty blog has an empty feed", func(s *stage) {
			require.Empty(s, pages(s, 10, nothing, s.feedPage))
		}},
	}
}

// find returns what a search finds, best first.
func (s *stage) find(query string) []feed.Hit {
	s.Helper()
	return pages(s, 2, nothing, func(page paging.Page) (paging.List[feed.Hit], error) { return s.Feed.Search(s.ctx(), query, page) })
}

// write publishes a text.
func (s *stage) write(by contracts.Viewer, title, body string) contracts.Post {
	s.Helper()
	p := newPost(s, by, title)
	p.Body, p.HTML = body, "<p>"+html.EscapeString(body)+"</p>"
	return s.keep(p)
}

func searchPromises() []promise {
	return []promise{
		{"a search finds words, their forms, phrases, alternatives and absences", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			roots := s.write(ann, "Hanging roots", "The fig grows around the old tree")
			soup := s.write(ann, "Soup", "A tree of spices, with old bread")
			s.keep(draft(newPost(s, ann, "Drafted fig tree")))
			for query, want := range map[string][]string{
				"fig":          {roots.ID},
				"FIGS growing": {roots.ID},
				"soup":         {soup.ID},
				`"old tree"`:   {roots.ID},
				"fig or soup":  {roots.ID, soup.ID},
				"old -bread":   {roots.ID},
				"tree spices":  {soup.ID},
				"fig soup":     {},
				"elephant":     {},
				"the":          {}, // says nothing
				"Drafted":      {},
			} {
				require.ElementsMatch(s, want, ids(s.find(query), idOfHit), query)
			}
		}},
		{"a title weighs more than a text", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			inTitle := s.write(ann, "Banyan", "about something")
			inBody := s.write(ann, "Something", "about a banyan")
			require.Equal(s, []string{inTitle.ID, inBody.ID}, ids(s.find("banyan"), idOfHit))
		}},
		{"hits of equal rank are all there, once, however they are paged", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			var want []string
			for range 7 {
				want = append(want, s.write(ann, "Roots", "the hanging roots").ID)
			}
			for range 2 {
				want = append(want, s.write(ann, "Roots roots", "the hanging roots again").ID)
			}
			require.ElementsMatch(s, want, ids(s.find("roots"), idOfHit))
		}},
		{"a hit is a summary with what matched marked", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			p := s.write(ann, "Trees", "Under the <banyan> & the fig")
			hits := s.find("banyan fig")
			require.Len(s, hits, 1)
			require.Equal(s, p.PostSummary, hits[0].PostSummary)
			require.Equal(s, "Under the &lt;<mark>banyan</mark>&gt; &amp; the <mark>fig</mark>", hits[0].Highlight)
		}},
		{"an edit is found by its new words only", func(s *stage) {
			p := s.write(s.person("Ann", contracts.Author), "Title", "walnut")
			p.Body = "hazelnut"
			_, _, err := s.Posts.Update(s.ctx(), p, contracts.Key{})
			require.NoError(s, err)
			require.Empty(s, s.find("walnut"))
			require.Len(s, s.find("hazelnut"), 1)
		}},
		{"no query is an error", func(s *stage) {
			s.write(s.person("Ann", contracts.Author), "Trees", "banyan")
			for _, query := range hostileQueries {
				_, err := s.Feed.Search(s.ctx(), query, paging.Page{Limit: 5})
				require.NoError(s, err, "%q", query)
			}
		}},
		{"no text gets an element into the highlight but <mark>, and each that opens is closed", func(s *stage) {
			ann := s.person("Ann", contracts.Author)
			for _, text := range hostileTexts {
				p := newPost(s, ann, "needle")
				p.Body, p.HTML = text+" needle", text+" needle "+text // as if nothing had sanitised it
				s.keep(p)
			}
			hits := s.find("needle")
			require.Len(s, hits, len(hostileTexts))
			for _, h := range hits {
				s.onlyMarks(h.Highlight)
			}
		}},
	}
}

var hostileQueries = []string{
	`'`, `"`, `"open`, `\`, `\'`, `&`, `|`, `!`, `!!`, `& & &`, `| banyan`, `banyan &`, `(`, `)`, `((banyan`, `:*`, `banyan:*`, `<->`, `banyan <-> tree`,
	`-`, `--`, `- -banyan`, `-banyan`, `or`, `or or or`, `"" "" ""`, `;DROP TABLE posts`, `%`, `_`, `$1`, `?`, `@name`, `@@`, `{}`, `NULL`,
	"\ue000", "\t\n", "🌳", strings.Repeat("a ", 100), strings.Repeat("x", 200), strings.Repeat(`"`, 200), strings.Repeat("-a ", 60),
}

var hostileTexts = []string{
	`<script>alert(1)</script>`, `<img src=x onerror=alert(1)>`, `<svg/onload=alert(1)>`, `&lt;script&gt;alert(1)&lt;/script&gt;`,
	`&amp;lt;script&amp;gt;`, `<mark>not mine`, `</mark></p><script>`, `<!-- `, `<a href="javascript:alert(1)">x</a>`, `<`, `>`, `"><script>`,
	"\ue000<script>\ue001", "\ue000", "\ue001\ue000", `&#xe000;<b>&#xe001;`, `&#57344;`, `<<script>script>`, `<scr<b>ipt>`, `&#60;script&#62;`,
	`<style>*{}</style>`, `<textarea>`, `<plaintext>`, "<needle onclick=alert(1)>", `<a title="needle">`,
}

// onlyMarks reads the highlight as a browser does, in a place where it stands.
func (s *stage) onlyMarks(highlight string) {
	s.Helper()
	require.Equal(s, strings.Count(highlight, "<mark>"), strings.Count(highlight, "</mark>"), highlight)
	tokens := html.NewTokenizer(strings.NewReader(highlight))
	for depth := 0; ; {
		switch tokens.Next() {
		case html.ErrorToken:
			require.Zero(s, depth, highlight)
			return
		case html.StartTagToken:
			depth++
		case html.EndTagToken:
			depth--
		case html.TextToken:
			continue
		default:
			require.Fail(s, "a comment, a doctype or an element that closes itself", highlight)
		}
		require.Contains(s, []int{0, 1}, depth, highlight)
		token := tokens.Token()
		require.Equal(s, "mark", token.Data, highlight)
		require.Empty(s, token.Attr, highlight)
	}
}
