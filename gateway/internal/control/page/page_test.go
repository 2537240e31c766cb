package page_test

import (
	"io/fs"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/html"

	"banyan.dev/gateway/internal/control/page"
	"banyan.dev/gateway/internal/control/status"
	"banyan.dev/gateway/internal/shadow"
	"banyan.dev/gateway/internal/shadow/diff"
)

func write(t *testing.T, v page.View) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, page.Write(&out, v))
	return out.String()
}

// text is what a reader sees of some HTML, with single blanks.
func text(t *testing.T, source string) string {
	t.Helper()
	var out strings.Builder
	for node := range parse(t, source).Descendants() {
		if node.Type == html.TextNode {
			out.WriteString(node.Data + " ")
		}
	}
	return strings.Join(strings.Fields(out.String()), " ")
}

func parse(t *testing.T, source string) *html.Node {
	t.Helper()
	root, err := html.Parse(strings.NewReader(source))
	require.NoError(t, err)
	return root
}

func section(t *testing.T, v page.View, id string) string {
	t.Helper()
	all, err := page.Sections(v)
	require.NoError(t, err)
	for _, s := range all {
		if s.ID == id {
			return text(t, s.HTML)
		}
	}
	require.Fail(t, "no section", id)
	return ""
}

func TestWhatMovesIsTold(t *testing.T) {
	v := sample()
	require.Empty(t, section(t, v, "resources"), "nothing moves")
	v.Resources = []status.Resource{{Name: "comments", Owner: "monolith", Epoch: 3, Routes: []string{"comments-write", "comments-read"}}, {Name: "posts", Owner: "monolith", Epoch: 1}}
	v.Identity = &status.Identity{Owner: "monolith", Path: "/internal/identity", Known: 1200, Nobody: 7, Failed: 1, LastFailure: &status.Refused{At: now, Reason: "<late>"}}
	said := section(t, v, "resources")
	require.Contains(t, said, "comments monolith 3 comments-write ; comments-read posts monolith 1 none")
	require.Contains(t, said, "monolith says who asks: 1,200 times somebody, 7 times nobody, and 1 times there was no answer, at 15:09:26 because <late>")
	v.Routes[1].Resource, v.Routes[1].Misdirected = "comments", status.Misdirected{Resent: 1300, Waited: 2, Refused: 1}
	said = section(t, v, "routes")
	require.Contains(t, said, "Goes where comments is.")
	require.Contains(t, said, "Sent away by owners that aren't the one: 1,300 handed on, 2 waited, 1 were refused.")
}

func TestRoutesTellWhoAnswersAndHowItGoes(t *testing.T) {
	said := section(t, sample(), "routes")
	for _, want := range []string{
		"GET HEAD /api/v1/posts/{id}/comments comments-read monolith 95 % · comments 5 % 52,584 126/s <0.1 % 3 6 ms 40 ms",
		"comments canary 5 % of clients, 4.8 % of requests 2,534 6.3/s 0.8 % 3 4 ms 250 ms",
		"Shadow comments gets copies of 10 %: 799 answers matched, 11 mismatched, 2 failed.",
		"Held for 4 s more at most: 12 wait, 3 still under way.",
		"Was held: 120 requests waited, p50 250 ms, p99 500 ms; 2 were refused.",
		"Rate limit: 4 answered 429.",
		"any /* monolith 38,633 92/s",
	} {
		require.Contains(t, said, want)
	}
}

func TestOwnersTellTheirReplicas(t *testing.T) {
	said := section(t, sample(), "owners")
	for _, want := range []string{
		"monolith round robin, affinity by banyan_replica , home monolith-0", "In flight 7 of 512", "Breaker half open",
		"unwell: dial tcp 10.0.0.12:8080: connection refused", "ejected for 7 s", "No replica is known",
		"kafka kafka:9092 (blog.posts, blog.comments)",
	} {
		require.Contains(t, said, want)
	}
}

func TestRevisionsTellWhatChangedAndWhatWasRefused(t *testing.T) {
	said := section(t, sample(), "history")
	require.Contains(t, said, `2026-03-14 15:09:06 refused file gateway.yaml:31: routes[2].canary.owner: "coments" is no owner`)
	require.Contains(t, said, "41 api comments-read: monolith 95 %, comments 5 %, was monolith 99 %, comments 1 %")
	require.Contains(t, said, "39 file the first since this gateway began")
	require.Contains(t, section(t, sample(), "summary"), "Refused at 15:09:06 , from the file; revision 41 stays in force")
	settled := sample()
	settled.Since = now
	require.NotContains(t, section(t, settled, "summary"), "Refused")
}

func TestTheSummaryIsASentenceWithoutMovingNumbers(t *testing.T) {
	v := sample()
	require.Equal(t, "comments: breaker half open. monolith: 1 of 3 replicas well. query: no replica is known. Held: comments-write. The last configuration was refused.", v.Health())
	v.Routes[0].Recent.PerSecond = 7
	v.Routes[1].Hold.Waiting = 99
	v.At = v.At.Add(time.Second)
	require.Equal(t, sample().Health(), v.Health(), "a screen reader reads each change out")
	quiet := page.View{Status: status.Status{Revision: 1, Owners: []status.Owner{{Name: "a", Replicas: []status.Replica{{Healthy: true}}}}}}
	require.Equal(t, "All is well: 1 replica of 1 owner.", quiet.Health())
}

func TestWhatIsEmptySaysWhatToDo(t *testing.T) {
	said := text(t, write(t, page.View{}))
	for _, want := range []string{
		"No configuration is in force yet.", "put a configuration in force with PUT /api/config", "No route is configured",
		"No owner is configured.", "gateway init > gateway.yaml", "started without ADMIN_TOKEN",
	} {
		require.Contains(t, said, want)
	}
	require.Contains(t, text(t, write(t, page.View{Status: status.Status{Owners: []status.Owner{{Name: "a"}}}})), "topology: {path: /topology}")
}

// What a page shows comes from elsewhere: from files, owners and clients.
func TestNothingShownIsMarkup(t *testing.T) {
	const attack = `"><script>alert(1)</script><img src=x onerror=alert(1)>'`
	v := sample()
	v.Name, v.Config = attack, attack
	v.LastRefused.Reason = attack
	v.Owners[0].Name, v.Owners[0].Replicas[0].Name, v.Owners[0].Replicas[0].URL = attack, attack, "javascript:alert(1)"
	v.Owners[0].Uses[0].Name, v.Owners[0].Uses[0].Kind = attack, attack
	v.Routes[0].Name, v.Routes[0].Path, v.Routes[0].Canary.By = attack, attack, attack
	v.History[0].Refused = attack
	var differences strings.Builder
	require.NoError(t, page.WriteDifferences(&differences, page.Differences{Route: attack, Mismatches: []shadow.Mismatch{{
		Method: attack, Target: attack, Differences: []diff.Difference{{Path: attack, Baseline: attack, Shadow: attack}}, Withheld: []string{attack},
	}}}))
	for _, source := range []string{write(t, v), differences.String()} {
		for node := range parse(t, source).Descendants() {
			require.NotEqual(t, "img", node.Data)
			for _, a := range node.Attr {
				require.False(t, strings.HasPrefix(a.Key, "on") || a.Key == "style", "%s on %s", a.Key, node.Data)
				require.False(t, (a.Key == "href" || a.Key == "src") && !strings.HasPrefix(a.Val, "/") && !strings.HasPrefix(a.Val, "#"), "%s leads to %s", node.Data, a.Val)
			}
			if node.Data == "script" {
				require.Nil(t, node.FirstChild, "no script is inline")
			}
		}
	}
}

// The policy takes files of this origin only: each must be there.
func TestEveryAssetThatIsNamedIsThere(t *testing.T) {
	asset := regexp.MustCompile(`/_strangler/assets/([\w.]+)|from "\./([\w.]+)"`)
	named := 0
	check := func(source string) {
		for _, found := range asset.FindAllStringSubmatch(source, -1) {
			_, err := fs.Stat(page.Assets(), found[1]+found[2])
			require.NoError(t, err)
			named++
		}
	}
	check(write(t, sample()))
	main, err := fs.ReadFile(page.Assets(), "main.js")
	require.NoError(t, err)
	check(string(main))
	require.GreaterOrEqual(t, named, 8)
}

// Script patches by key: two of one name under one parent would be taken for each
// other.
func TestKeysAreUniqueAmongSiblings(t *testing.T) {
	for node := range parse(t, write(t, sample())).Descendants() {
		seen := map[string]bool{}
		for child := range node.ChildNodes() {
			for _, a := range child.Attr {
				if a.Key == "data-key" || a.Key == "id" {
					require.False(t, seen[a.Val], "%s twice under %s", a.Val, node.Data)
					seen[a.Val] = true
				}
			}
		}
	}
}

func TestSectionsAreOneElementWithTheirID(t *testing.T) {
	all, err := page.Sections(sample())
	require.NoError(t, err)
	require.Len(t, all, 7)
	for _, s := range all {
		require.True(t, strings.HasPrefix(s.HTML, `<section id="`+s.ID+`"`), s.ID)
		require.True(t, strings.HasSuffix(s.HTML, "</section>"), s.ID)
	}
}

func TestLinksHoldNamesWhole(t *testing.T) {
	v := sample()
	v.Routes[0].Name = "GET /a/{id}?x=1#y"
	require.Contains(t, write(t, v), `href="/_strangler/differences/`+url.PathEscape(v.Routes[0].Name)+`"`)
}

func TestDifferencesAreGroupedByWhereTheyAre(t *testing.T) {
	mismatch := func(id, path, baseline string) shadow.Mismatch {
		return shadow.Mismatch{
			At: now, Method: "GET", Target: "/a", RequestID: id, Baseline: shadow.Side{Owner: "monolith", Status: 200}, Shadow: shadow.Side{Owner: "comments", Status: 200},
			Differences: []diff.Difference{{Part: diff.Body, Path: path, Kind: diff.Changed, Baseline: baseline, Shadow: `"x"`}},
		}
	}
	var out strings.Builder
	d := page.Differences{Route: "read", Part: true, Mismatches: []shadow.Mismatch{mismatch("r3", "/n", "3"), mismatch("r2", "/m", "2"), mismatch("r1", "/n", "1")}}
	require.NoError(t, page.WriteDifferences(&out, d))
	said := text(t, out.String())
	require.Contains(t, said, `body /n changed 3 "x" 1 more of those kept differ at the same places.`)
	require.Contains(t, said, "body /m changed")
	require.NotContains(t, said, "request r1")
	require.NotContains(t, out.String(), "<html", "a part only")
	d.Part = false
	out.Reset()
	require.NoError(t, page.WriteDifferences(&out, d))
	require.Contains(t, out.String(), "<!doctype html>")
}
