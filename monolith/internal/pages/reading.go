package pages

import (
	"net/http"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/features/feed"
	"banyan.dev/features/posts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

const (
	tagsAside = 16  // next to the feed
	tagsAll   = 500 // on their own page
)

// card is a post as lists show it.
type card struct {
	contracts.PostSummary
	Latest    []contracts.Comment
	Highlight string // escaped HTML with <mark>, of a search hit
}

// listPage is a list of posts, with what it is a list of.
type listPage struct {
	Cards       []card
	Newer, Next string // addresses; empty at the ends
	Tags        []posts.Tag
	Tag         string
	Author      accounts.Account
	Query       string
	Faults      faults
	Shown       bool // a search was made
}

// nextLink is the address of the page that follows.
func nextLink(c echo.Context, cursor string) string {
	if cursor == "" {
		return ""
	}
	query := c.Request().URL.Query()
	query.Set("cursor", cursor)
	return c.Request().URL.EscapedPath() + "?" + query.Encode()
}

// firstLink is the address of the first page, when this is not it.
func firstLink(c echo.Context) string {
	query := c.Request().URL.Query()
	if query.Get("cursor") == "" {
		return ""
	}
	query.Del("cursor")
	if len(query) == 0 {
		return c.Request().URL.EscapedPath()
	}
	return c.Request().URL.EscapedPath() + "?" + query.Encode()
}

func (p *Pages) front(c echo.Context) error {
	at, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	list, err := p.Feed.Feed(c.Request().Context(), at)
	if err != nil {
		return err
	}
	tags, err := p.Posts.Tags(c.Request().Context(), tagsAside)
	if err != nil {
		return err
	}
	page := listPage{Tags: tags, Newer: firstLink(c), Next: nextLink(c, list.Next)}
	for _, e := range list.Items {
		page.Cards = append(page.Cards, card{PostSummary: e.Post, Latest: e.Latest})
	}
	return p.show(c, http.StatusOK, "front", view{Title: "New posts", Active: "front", Page: page})
}

func cardsOf(summaries []contracts.PostSummary) []card {
	cards := make([]card, 0, len(summaries))
	for _, s := range summaries {
		cards = append(cards, card{PostSummary: s})
	}
	return cards
}

func (p *Pages) tags(c echo.Context) error {
	tags, err := p.Posts.Tags(c.Request().Context(), tagsAll)
	if err != nil {
		return err
	}
	return p.show(c, http.StatusOK, "tags", view{Title: "Tags", Page: tags})
}

var tagForm = regexp.MustCompile(`^[a-z0-9-]{1,40}$`)

func (p *Pages) tag(c echo.Context) error {
	tag := c.Param("tag")
	if !tagForm.MatchString(tag) {
		return problem.New(problem.NotFound, "there is no tag %q", tag)
	}
	at, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	list, err := p.Posts.List(c.Request().Context(), posts.Filter{Tag: tag}, at)
	if err != nil {
		return err
	}
	page := listPage{Tag: tag, Cards: cardsOf(list.Items), Newer: firstLink(c), Next: nextLink(c, list.Next)}
	return p.show(c, http.StatusOK, "tag", view{Title: "Posts about " + tag, Page: page})
}

func (p *Pages) author(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "author")
	if err != nil {
		return err
	}
	at, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	account, err := p.Accounts.Get(c.Request().Context(), id)
	if err != nil {
		return err
	}
	list, err := p.Posts.List(c.Request().Context(), posts.Filter{AuthorID: id}, at)
	if err != nil {
		return err
	}
	page := listPage{Author: account, Cards: cardsOf(list.Items), Newer: firstLink(c), Next: nextLink(c, list.Next)}
	return p.show(c, http.StatusOK, "author", view{Title: account.Name, Page: page})
}

func (p *Pages) search(c echo.Context) error {
	page := listPage{Query: c.QueryParam("q")}
	v := view{Title: "Search", Active: "search", Page: &page}
	if strings.TrimSpace(page.Query) == "" {
		return p.show(c, http.StatusOK, "search", v)
	}
	at, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	list, err := p.Feed.Search(c.Request().Context(), page.Query, at)
	if err != nil {
		return p.again(c, err, func(status int, wrong faults) error {
			page.Query, page.Faults = strings.ToValidUTF8(page.Query, ""), wrong
			return p.show(c, status, "search", v)
		})
	}
	page.Shown, page.Cards = true, cardsOfHits(list.Items)
	page.Newer, page.Next = firstLink(c), nextLink(c, list.Next)
	v.Title = "Search: " + short(page.Query, 60)
	return p.show(c, http.StatusOK, "search", v)
}

func cardsOfHits(hits []feed.Hit) []card {
	cards := make([]card, 0, len(hits))
	for _, h := range hits {
		cards = append(cards, card{PostSummary: h.PostSummary, Highlight: h.Highlight})
	}
	return cards
}
