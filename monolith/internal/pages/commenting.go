package pages

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/monolith/internal/remotecomments"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

func (p *Pages) writeComment(c echo.Context) error {
	post, err := p.load(c)
	if err != nil {
		return err
	}
	f, err := readForm(c)
	if err != nil {
		return err
	}
	key, err := remotecomments.WriteKey(f.values.Get(keyField), post.ID, f.text("body"))
	if err != nil {
		return err
	}
	comment, _, err := p.Comments.Write(c.Request().Context(), viewer(c), post.ID, f.text("body"), key)
	if err != nil {
		return p.again(c, err, func(status int, wrong faults) error {
			return p.showPost(c, status, postPage{Post: post, Body: f.text("body"), Key: f.kept(err), Faults: wrong})
		})
	}
	comments.NoteWrote(c.Response(), c.Request(), comment.ID, comment.Version)
	return p.done(c, "/comments/"+comment.ID, thanks(comment))
}

func thanks(comment contracts.Comment) string {
	switch comment.Status {
	case contracts.Pending:
		return "Thank you. A moderator reads your comment first; until then only you see it."
	case contracts.Rejected:
		return "Your comment breaks a rule of this blog and is shown to nobody but you."
	}
	return "Your comment is out."
}

// commentPage is a comment while it is changed.
type commentPage struct {
	contracts.Comment
	Body    string // as it stands in the form
	Version int    // that the text was made from
	Key     string // of the form, when it is sent again; empty for a new one
	Faults  faults
	Theirs  *contracts.Comment // what was stored meanwhile
}

// ownComment is the comment of the path if the viewer wrote it.
func (p *Pages) ownComment(c echo.Context) (contracts.Comment, error) {
	comment, err := p.loadComment(c)
	if err == nil && !viewer(c).Is(comment.Author.ID) {
		err = problem.New(problem.Forbidden, "only its author can change a comment")
	}
	return comment, err
}

func (p *Pages) editCommentForm(c echo.Context) error {
	comment, err := p.ownComment(c)
	if err != nil {
		return err
	}
	return p.showComment(c, http.StatusOK, commentPage{Comment: comment, Body: comment.Body, Version: comment.Version})
}

func (p *Pages) showComment(c echo.Context, status int, page commentPage) error {
	return p.show(c, status, "comment", view{Title: "Edit your comment", Page: page})
}

func (p *Pages) editComment(c echo.Context) error {
	comment, err := p.ownComment(c)
	if err != nil {
		return err
	}
	f, err := readForm(c)
	if err != nil {
		return err
	}
	page := commentPage{Comment: comment, Body: f.text("body")}
	if page.Version, err = versionOf(f); err != nil {
		return err
	}
	key, err := remotecomments.EditKey(f.values.Get(keyField), comment.ID, page.Body)
	if err != nil {
		return err
	}
	comment, _, err = p.Comments.Edit(c.Request().Context(), viewer(c), comment.ID, page.Body, page.Version, key)
	switch {
	case problem.Is(err, problem.VersionMismatch):
		return p.showLostComment(c, page)
	case err != nil:
		return p.again(c, err, func(status int, wrong faults) error {
			page.Key, page.Faults = f.kept(err), wrong
			return p.showComment(c, status, page)
		})
	}
	comments.NoteWrote(c.Response(), c.Request(), comment.ID, comment.Version)
	return p.done(c, "/comments/"+comment.ID, thanks(comment))
}

// showLostComment shows both texts, as showLostRace does for a post.
func (p *Pages) showLostComment(c echo.Context, page commentPage) error {
	theirs, err := p.ownComment(c)
	if err != nil {
		return err
	}
	page.Theirs, page.Comment, page.Version = &theirs, theirs, theirs.Version
	return p.showComment(c, http.StatusPreconditionFailed, page)
}

func (p *Pages) deleteCommentForm(c echo.Context) error {
	comment, err := p.loadComment(c)
	if err != nil {
		return err
	}
	if !viewer(c).Is(comment.Author.ID) && !viewer(c).Moderates() {
		return problem.New(problem.Forbidden, "only its author or a moderator can delete a comment")
	}
	return p.show(c, http.StatusOK, "delete", view{Title: "Delete a comment", Page: deletePage{
		What: "comment", Title: short(comment.Body, 200), Action: "/comments/" + comment.ID + "/delete", Back: "/comments/" + comment.ID,
	}})
}

func (p *Pages) deleteComment(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "comment")
	if err != nil {
		return err
	}
	back := "/"
	if comment, err := p.loadComment(c); err == nil {
		back = "/posts/" + comment.PostID + "#comments"
	}
	if err := p.Comments.Delete(c.Request().Context(), viewer(c), id, 0); err != nil {
		return err
	}
	comments.NoteDeleted(c.Response(), c.Request(), id)
	return p.done(c, back, "The comment is deleted.")
}
