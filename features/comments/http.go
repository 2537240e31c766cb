package comments

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
)

type handler struct {
	comments UseCases
}

// Register adds the routes of comments to the API's group. before runs before each of
// them: where comments may be owned elsewhere, that is a Gate's.
func Register(g *echo.Group, comments UseCases, before ...echo.MiddlewareFunc) {
	h := handler{comments}
	g.GET("/posts/:id/comments", h.list, before...)
	g.POST("/posts/:id/comments", h.write, before...)
	g.GET("/comments/:id", h.get, before...)
	g.PUT("/comments/:id", h.edit, before...)
	g.DELETE("/comments/:id", h.remove, before...)
}

// text is what a client writes of a comment; all else follows.
type text struct {
	Body string `json:"body"`
}

func viewer(c echo.Context) contracts.Viewer { return contracts.ViewerFrom(c.Request().Context()) }

func (h handler) list(c echo.Context) error {
	postID, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return err
	}
	page, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	list, err := h.comments.List(c.Request().Context(), viewer(c), postID, page)
	if err != nil {
		return err
	}
	return httpkit.JSON(c, http.StatusOK, list)
}

func (h handler) write(c echo.Context) error {
	postID, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return err
	}
	in, key, err := httpkit.Read[text](c)
	if err != nil {
		return err
	}
	comment, replayed, err := h.comments.Write(c.Request().Context(), viewer(c), postID, in.Body, contracts.Key(key))
	if err != nil {
		return err
	}
	httpkit.Replayed(c, replayed)
	NoteWrote(c.Response(), c.Request(), comment.ID, comment.Version)
	httpkit.SetETag(c, comment.Version)
	c.Response().Header().Set(echo.HeaderLocation, "/api/v1/comments/"+comment.ID)
	return httpkit.JSON(c, http.StatusCreated, comment)
}

// load is the comment of the path, if the viewer may see it.
func (h handler) load(c echo.Context) (contracts.Comment, error) {
	id, err := httpkit.ID(c, "id", "comment")
	if err != nil {
		return contracts.Comment{}, err
	}
	return h.comments.Get(c.Request().Context(), viewer(c), id)
}

func (h handler) version(c echo.Context) func() (int, error) {
	return func() (int, error) { comment, err := h.load(c); return comment.Version, err }
}

func (h handler) get(c echo.Context) error {
	comment, err := h.load(c)
	if err != nil {
		return err
	}
	return httpkit.Versioned(c, comment.Version, comment)
}

func (h handler) edit(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "comment")
	if err != nil {
		return err
	}
	condition, err := httpkit.IfMatch(c)
	if err != nil {
		return err
	}
	in, key, err := httpkit.Read[text](c)
	if err != nil {
		return err
	}
	version, err := condition.Version(h.version(c))
	if err != nil {
		return err
	}
	comment, replayed, err := h.comments.Edit(c.Request().Context(), viewer(c), id, in.Body, version, contracts.Key(key))
	if err != nil {
		return err
	}
	httpkit.Replayed(c, replayed)
	NoteWrote(c.Response(), c.Request(), comment.ID, comment.Version)
	httpkit.SetETag(c, comment.Version)
	return httpkit.JSON(c, http.StatusOK, comment)
}

func (h handler) remove(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "comment")
	if err != nil {
		return err
	}
	condition, err := httpkit.IfMatchOptional(c)
	if err != nil {
		return err
	}
	version, err := condition.VersionOrAny(h.version(c))
	if err != nil {
		return err
	}
	if err := h.comments.Delete(c.Request().Context(), viewer(c), id, version); err != nil {
		return err
	}
	NoteDeleted(c.Response(), c.Request(), id)
	return c.NoContent(http.StatusNoContent)
}
