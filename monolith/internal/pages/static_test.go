package pages_test

import (
	"encoding/xml"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestStaticFilesAreKeptForGood(t *testing.T) {
	visitor := visit(t, settle(t).Blog)
	front := visitor.opens("/")
	style := ""
	for _, l := range front.elements("link") {
		if attr(l, "rel") == "stylesheet" {
			style = attr(l, "href")
		}
	}
	answer := visitor.get(style)
	require.Equal(t, http.StatusOK, answer.status)
	require.Equal(t, "text/css; charset=utf-8", answer.header.Get("Content-Type"))
	require.Equal(t, "public, max-age=31536000, immutable", answer.header.Get("Cache-Control"))
	require.Empty(t, answer.header.Get("Set-Cookie"))
	require.Equal(t, http.StatusNotModified, visitor.get(style, "If-None-Match", answer.header.Get("ETag")).status)
	part := visitor.get(style, "Range", "bytes=0-9")
	require.Equal(t, http.StatusPartialContent, part.status)
	require.Equal(t, answer.body[:10], part.body)

	for _, other := range []string{"/static/banyan.css", "/static/banyan.0123456789ab.css"} { // as a page of another build asks
		answer := visitor.get(other)
		require.Equal(t, http.StatusOK, answer.status, other)
		require.Equal(t, "no-cache", answer.header.Get("Cache-Control"))
	}
	for _, none := range []string{"/static/other.css", "/static/", "/static/..%2fpages.go", "/static/banyan.css.css"} {
		require.Equal(t, http.StatusNotFound, visitor.get(none).status, none)
	}
	require.True(t, strings.HasPrefix(visitor.get("/favicon.ico").header.Get("Location"), "/static/banyan."))
}

func TestTheFeedIsAtom(t *testing.T) {
	w := settle(t)
	answer := visit(t, w.Blog).get("/feed.atom")
	require.Equal(t, "application/atom+xml; charset=utf-8", answer.header.Get("Content-Type"))
	var feed struct {
		XMLName xml.Name `xml:"http://www.w3.org/2005/Atom feed"`
		ID      string   `xml:"id"`
		Updated string   `xml:"updated"`
		Entries []struct {
			ID      string `xml:"id"`
			Title   string `xml:"title"`
			Updated string `xml:"updated"`
			Link    struct {
				Href string `xml:"href,attr"`
			} `xml:"link"`
		} `xml:"entry"`
	}
	require.NoError(t, xml.Unmarshal([]byte(answer.body), &feed))
	require.Len(t, feed.Entries, 20)
	require.Equal(t, "Über Bäume", feed.Entries[0].Title)
	require.Equal(t, "urn:uuid:"+w.post.ID, feed.Entries[0].ID)
	require.Equal(t, feed.Updated, feed.Entries[0].Updated)
	require.Equal(t, http.StatusOK, visit(t, w.Blog).get(strings.TrimPrefix(feed.Entries[0].Link.Href, w.URL)).status)
}
