package pages

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/paging"
)

// The Atom feed, as RFC 4287 wants it.
type atomFeed struct {
	XMLName xml.Name    `xml:"http://www.w3.org/2005/Atom feed"`
	ID      string      `xml:"id"`
	Title   string      `xml:"title"`
	Sub     string      `xml:"subtitle"`
	Updated string      `xml:"updated"`
	Icon    string      `xml:"icon"`
	Links   []atomLink  `xml:"link"`
	Entries []atomEntry `xml:"entry"`
}

type atomLink struct {
	Rel  string `xml:"rel,attr"`
	Type string `xml:"type,attr"`
	Href string `xml:"href,attr"`
}

type atomEntry struct {
	ID         string         `xml:"id"`
	Title      string         `xml:"title"`
	Links      []atomLink     `xml:"link"`
	Published  string         `xml:"published"`
	Updated    string         `xml:"updated"`
	Author     atomPerson     `xml:"author"`
	Categories []atomCategory `xml:"category"`
	Summary    string         `xml:"summary"`
}

type atomPerson struct {
	Name string `xml:"name"`
	URI  string `xml:"uri"`
}

type atomCategory struct {
	Term string `xml:"term,attr"`
}

// feedID stays when the blog's address changes, as RFC 4287 (4.2.6) asks of an id:
// a reader that knew the feed knows it again.
const feedID = "urn:uuid:6d2f6a0e-3a8c-4c7b-9a51-0b7f1d9c42e8"

func (p *Pages) atom(c echo.Context) error {
	list, err := p.Feed.Feed(c.Request().Context(), paging.Page{Limit: paging.DefaultLimit})
	if err != nil {
		return err
	}
	icon, err := p.assets.path("banyan.svg")
	if err != nil {
		return err
	}
	base := p.base(c)
	feed := atomFeed{
		ID: feedID, Title: "Banyan", Sub: "New posts", Icon: base + icon, Updated: time.Unix(0, 0).UTC().Format(time.RFC3339),
		Links: []atomLink{{"self", "application/atom+xml", base + "/feed.atom"}, {"alternate", "text/html", base + "/"}},
	}
	for _, e := range list.Items {
		feed.Entries = append(feed.Entries, atomOf(base, e.Post))
		feed.Updated = max(feed.Updated, feed.Entries[len(feed.Entries)-1].Updated) // RFC 3339 in UTC sorts as text
	}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	if err := xml.NewEncoder(&out).Encode(feed); err != nil {
		return fmt.Errorf("encode feed: %w", err)
	}
	return c.Blob(http.StatusOK, "application/atom+xml; charset=utf-8", out.Bytes())
}

func atomOf(base string, post contracts.PostSummary) atomEntry {
	published := post.CreatedAt
	if post.PublishedAt != nil {
		published = *post.PublishedAt
	}
	e := atomEntry{
		ID:        "urn:uuid:" + post.ID,
		Title:     post.Title,
		Links:     []atomLink{{"alternate", "text/html", base + postPath(post.ID, post.Slug)}},
		Published: published.UTC().Format(time.RFC3339),
		Updated:   post.UpdatedAt.UTC().Format(time.RFC3339),
		Author:    atomPerson{post.Author.Name, base + "/authors/" + post.Author.ID},
		Summary:   post.Excerpt,
	}
	for _, tag := range post.Tags {
		e.Categories = append(e.Categories, atomCategory{tag})
	}
	return e
}

// base is what addresses begin with for who reads them elsewhere.
func (p *Pages) base(c echo.Context) string {
	if p.PublicURL != nil {
		return strings.TrimSuffix(p.PublicURL(), "/")
	}
	return c.Scheme() + "://" + c.Request().Host
}
