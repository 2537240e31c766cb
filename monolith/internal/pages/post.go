package pages

import (
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// commentsShown is how many comments stand on one page of a post.
const commentsShown = 100

// postPage is a post, what is said under it, and the comment that is being written.
type postPage struct {
	contracts.Post
	Edited   *time.Time // when it was changed after it was published
	Comments []contracts.Comment
	Missing  bool   // the comments can't be had now
	First    string // address of the first comments, when others are shown
	Next     string
	Body     string // of the new comment
	Key      string // of the form, when it is sent again; empty for a new one
	Faults   faults
}

// MayComment: a draft is its author's alone.
func (p postPage) MayComment() bool { return p.Status == contracts.Published }

// load is the post of the path, if the viewer may see it.
func (p *Pages) load(c echo.Context) (contracts.Post, error) {
	id, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return contracts.Post{}, err
	}
	return p.Posts.Get(c.Request().Context(), viewer(c), id)
}

// post shows a post under its one address; every other spelling leads there.
func (p *Pages) post(c echo.Context) error {
	post, err := p.load(c)
	if err != nil {
		return err
	}
	proper := postPath(post.ID, post.Slug)
	if path, err := url.PathUnescape(proper); err != nil || path != c.Request().URL.Path {
		return c.Redirect(http.StatusFound, proper+queryOf(c))
	}
	return p.showPost(c, http.StatusOK, postPage{Post: post})
}

func queryOf(c echo.Context) string {
	if q := c.Request().URL.RawQuery; q != "" {
		return "?" + q
	}
	return ""
}

// showPost fills in the comments and answers.
func (p *Pages) showPost(c echo.Context, status int, page postPage) error {
	at, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	if c.QueryParam("limit") == "" {
		at.Limit = commentsShown
	}
	if page.Status == contracts.Published {
		list, err := p.Comments.List(c.Request().Context(), viewer(c), page.ID, at)
		if page.Missing = p.without(c, err); err != nil && !page.Missing {
			return err
		}
		page.Comments, page.First, page.Next = list.Items, firstLink(c), nextLink(c, list.Next)
	}
	if page.PublishedAt != nil && page.UpdatedAt.Sub(*page.PublishedAt) > time.Minute {
		page.Edited = &page.UpdatedAt
	}
	return p.show(c, status, "post", view{Title: page.Title, Page: page})
}

// comment leads to where a comment stands: the post's page that shows it.
func (p *Pages) comment(c echo.Context) error {
	comment, err := p.loadComment(c)
	if err != nil {
		return err
	}
	to, err := p.placeOf(c, comment)
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusFound, to)
}

func (p *Pages) loadComment(c echo.Context) (contracts.Comment, error) {
	id, err := httpkit.ID(c, "id", "comment")
	if err != nil {
		return contracts.Comment{}, err
	}
	return p.Comments.Get(c.Request().Context(), viewer(c), id)
}

// placeOf is the post's first page if the comment is on it, as under almost any post;
// else a page that begins with the comment, which need not be looked for.
func (p *Pages) placeOf(c echo.Context, comment contracts.Comment) (string, error) {
	ctx := c.Request().Context()
	post, err := p.Posts.Get(ctx, viewer(c), comment.PostID)
	if err != nil {
		return "", err
	}
	to := postPath(post.ID, post.Slug)
	list, err := p.Comments.List(ctx, viewer(c), post.ID, paging.Page{Limit: commentsShown})
	if err != nil && !p.without(c, err) {
		return "", err
	}
	on := slices.ContainsFunc(list.Items, func(other contracts.Comment) bool { return other.ID == comment.ID })
	if !on && list.Next != "" {
		to += "?" + url.Values{"cursor": {before(comment)}}.Encode()
	}
	return to + "#" + comment.ID, nil
}

// before is the cursor of the page that begins with the comment, or with others of
// the same microsecond.
func before(comment contracts.Comment) string {
	return paging.Place{Time: comment.CreatedAt.Add(-time.Microsecond), ID: uuid.Max.String()}.Cursor()
}

// without tells whether err means that comments can't be had at this moment, which is
// no reason to withhold the page around them. It is noted.
func (p *Pages) without(c echo.Context, err error) bool {
	if !problem.Is(err, httpkit.Unavailable) {
		return false
	}
	p.Logger.WarnContext(c.Request().Context(), "page shown without its comments", "error", err)
	return true
}
