package pages

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/features/posts"
	"banyan.dev/platform/problem"
)

// sheet is a post while it is written: what stands in the form, and around it.
type sheet struct {
	Post        contracts.Post // as it is stored; without an ID when it is new
	Title, Body string
	Tags        string // as typed
	Version     int    // that the text was made from
	Preview     *posting
	Faults      faults
	Theirs      *contracts.Post // what somebody stored meanwhile
}

// posting is a preview.
type posting struct{ Title, HTML string }

// New tells whether the post is not stored yet.
func (s sheet) New() bool { return s.Post.ID == "" }

// Draft tells whether only its author sees it.
func (s sheet) Draft() bool { return s.Post.Status != contracts.Published }

func sheetOf(post contracts.Post) sheet {
	return sheet{Post: post, Title: post.Title, Body: post.Body, Tags: strings.Join(post.Tags, ", "), Version: post.Version}
}

func (s *sheet) fill(f form) {
	s.Title, s.Body, s.Tags = f.line("title"), f.text("body"), f.line("tags")
}

// text is what is sent to the use case. Tags may be divided by commas or spaces, and
// people write #Tag where Tag is meant.
func (s sheet) text() posts.Text {
	divides := func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\t' || r == '\n' }
	tags := []string{}
	for _, tag := range strings.FieldsFunc(s.Tags, divides) {
		tags = append(tags, strings.ToLower(strings.TrimPrefix(tag, "#")))
	}
	return posts.Text{Title: s.Title, Body: s.Body, Tags: tags}
}

// What the buttons of the form ask for.
const (
	doPreview = "preview"
	doPublish = "publish"
)

func (p *Pages) writeForm(c echo.Context) error {
	if !viewer(c).MayWrite() {
		return p.show(c, http.StatusForbidden, "become-author", view{Title: "Become an author", Active: "write"})
	}
	return p.showSheet(c, http.StatusOK, sheet{})
}

func (p *Pages) showSheet(c echo.Context, status int, s sheet) error {
	title := "Write"
	if !s.New() {
		title = "Edit: " + s.Post.Title
	}
	return p.show(c, status, "write", view{Title: title, Active: "write", Page: s})
}

func (p *Pages) write(c echo.Context) error {
	f, err := readForm(c)
	if err != nil {
		return err
	}
	var s sheet
	s.fill(f)
	if f.values.Get("do") == doPreview {
		return p.showPreview(c, s)
	}
	key, err := f.key()
	if err != nil {
		return err
	}
	post, _, err := p.Posts.Create(c.Request().Context(), viewer(c), s.text(), f.values.Get("do") == doPublish, key)
	if err != nil {
		return p.again(c, err, func(status int, wrong faults) error {
			s.Faults = wrong
			return p.showSheet(c, status, s)
		})
	}
	if post.Status == contracts.Draft {
		return p.done(c, "/posts/"+post.ID+"/edit", "The draft is saved. Only you can see it.")
	}
	return p.done(c, postPath(post.ID, post.Slug), "Your post is out.")
}

func (p *Pages) showPreview(c echo.Context, s sheet) error {
	html, err := p.preview.HTML(s.Body)
	if err != nil {
		return err
	}
	s.Preview = &posting{s.Title, html}
	return p.showSheet(c, http.StatusOK, s)
}

// own is the post of the path if the viewer wrote it.
func (p *Pages) own(c echo.Context) (contracts.Post, error) {
	post, err := p.load(c)
	if err == nil && !viewer(c).Is(post.Author.ID) {
		err = problem.New(problem.Forbidden, "only its author can change a post")
	}
	return post, err
}

func (p *Pages) editForm(c echo.Context) error {
	post, err := p.own(c)
	if err != nil {
		return err
	}
	return p.showSheet(c, http.StatusOK, sheetOf(post))
}

func (p *Pages) edit(c echo.Context) error {
	post, err := p.own(c)
	if err != nil {
		return err
	}
	f, err := readForm(c)
	if err != nil {
		return err
	}
	s := sheetOf(post)
	s.fill(f)
	if s.Version, err = versionOf(f); err != nil {
		return err
	}
	if f.values.Get("do") == doPreview {
		return p.showPreview(c, s)
	}
	return p.save(c, s, f)
}

// versionOf is the version that the form was made from.
func versionOf(f form) (int, error) {
	n, err := strconv.Atoi(f.values.Get("version"))
	if err != nil || n < 1 {
		return 0, problem.New(problem.Malformed, "version %q is no number of a version: open the form anew", f.values.Get("version"))
	}
	return n, nil
}

func (p *Pages) save(c echo.Context, s sheet, f form) error {
	key, err := f.key()
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	post, _, err := p.Posts.Edit(ctx, viewer(c), s.Post.ID, s.text(), s.Version, key)
	switch {
	case problem.Is(err, problem.VersionMismatch):
		return p.showLostRace(c, s)
	case err != nil:
		return p.again(c, err, func(status int, wrong faults) error {
			s.Faults = wrong
			return p.showSheet(c, status, s)
		})
	}
	if f.values.Get("do") == doPublish {
		if post, err = p.Posts.Publish(ctx, viewer(c), post.ID, contracts.Key{}); err != nil {
			return err
		}
		return p.done(c, postPath(post.ID, post.Slug), "Your post is out.")
	}
	if post.Status == contracts.Draft {
		return p.done(c, "/posts/"+post.ID+"/edit", "The draft is saved. Only you can see it.")
	}
	return p.done(c, postPath(post.ID, post.Slug), "Your changes are saved.")
}

// showLostRace shows both texts. What the person typed is in the form, which from
// now on is made from the version that won.
func (p *Pages) showLostRace(c echo.Context, s sheet) error {
	theirs, err := p.own(c)
	if err != nil {
		return err
	}
	s.Theirs, s.Post, s.Version = &theirs, theirs, theirs.Version
	return p.showSheet(c, http.StatusPreconditionFailed, s)
}
