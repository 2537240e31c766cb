package posts

import (
	"bytes"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

const tagsShown = 50 // of GET /tags

type handler struct {
	posts *Service
}

// Register adds the routes of posts to the API's group.
func Register(g *echo.Group, posts *Service) {
	h := handler{posts}
	g.GET("/posts", h.list)
	g.POST("/posts", h.create)
	g.GET("/posts/:id", h.get)
	g.PUT("/posts/:id", h.edit)
	g.DELETE("/posts/:id", h.remove)
	g.POST("/posts/:id/publish", h.publish)
	g.GET("/posts/:id/cover", h.cover)
	g.PUT("/posts/:id/cover", h.setCover)
	g.DELETE("/posts/:id/cover", h.removeCover)
	g.GET("/tags", h.tags)
}

func viewer(c echo.Context) contracts.Viewer { return contracts.ViewerFrom(c.Request().Context()) }

func (h handler) list(c echo.Context) error {
	page, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if c.QueryParam("mine") == "true" {
		mine, err := h.posts.Mine(ctx, viewer(c), page)
		if err != nil {
			return err
		}
		return httpkit.JSON(c, http.StatusOK, mine)
	}
	filter, err := filterOf(c)
	if err != nil {
		return err
	}
	list, err := h.posts.List(ctx, filter, page)
	if err != nil {
		return err
	}
	return httpkit.JSON(c, http.StatusOK, list)
}

func filterOf(c echo.Context) (Filter, error) {
	filter := Filter{Tag: c.QueryParam("tag"), AuthorID: c.QueryParam("author")}
	var f problem.Fields
	if !utf8.ValidString(filter.Tag) || strings.ContainsRune(filter.Tag, 0) {
		f.Add("tag", "%q is no tag: use lower-case letters, digits and single hyphens", filter.Tag)
	}
	if filter.AuthorID != "" && !contracts.IsID(filter.AuthorID) {
		f.Add("author", "%q is no account's id", filter.AuthorID)
	}
	if mine := c.QueryParam("mine"); mine != "" && mine != "false" {
		f.Add("mine", "%q is neither true nor false", mine)
	}
	return filter, f.Err()
}

func (h handler) create(c echo.Context) error {
	in, key, err := httpkit.Read[struct {
		Text
		Publish bool `json:"publish"`
	}](c)
	if err != nil {
		return err
	}
	p, replayed, err := h.posts.Create(c.Request().Context(), viewer(c), in.Text, in.Publish, contracts.Key(key))
	if err != nil {
		return err
	}
	httpkit.Replayed(c, replayed)
	httpkit.SetETag(c, p.Version)
	c.Response().Header().Set(echo.HeaderLocation, "/api/v1/posts/"+p.ID)
	return httpkit.JSON(c, http.StatusCreated, p)
}

// load is the post of the path, if the viewer may see it.
func (h handler) load(c echo.Context) (contracts.Post, error) {
	id, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return contracts.Post{}, err
	}
	return h.posts.Get(c.Request().Context(), viewer(c), id)
}

func (h handler) version(c echo.Context) func() (int, error) {
	return func() (int, error) { p, err := h.load(c); return p.Version, err }
}

func (h handler) get(c echo.Context) error {
	p, err := h.load(c)
	if err != nil {
		return err
	}
	return httpkit.Versioned(c, p.Version, p)
}

func (h handler) edit(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return err
	}
	condition, err := httpkit.IfMatch(c)
	if err != nil {
		return err
	}
	in, key, err := httpkit.Read[Text](c)
	if err != nil {
		return err
	}
	version, err := condition.Version(h.version(c))
	if err != nil {
		return err
	}
	p, replayed, err := h.posts.Edit(c.Request().Context(), viewer(c), id, in, version, contracts.Key(key))
	if err != nil {
		return err
	}
	httpkit.Replayed(c, replayed)
	httpkit.SetETag(c, p.Version)
	return httpkit.JSON(c, http.StatusOK, p)
}

func (h handler) publish(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return err
	}
	key, err := httpkit.KeyOf(c, nil)
	if err != nil {
		return err
	}
	p, err := h.posts.Publish(c.Request().Context(), viewer(c), id, contracts.Key(key))
	if err != nil {
		return err
	}
	httpkit.SetETag(c, p.Version)
	return httpkit.JSON(c, http.StatusOK, p)
}

func (h handler) remove(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "post")
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
	if err := h.posts.Delete(c.Request().Context(), viewer(c), id, version); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

// cover answers with the picture; http.ServeContent does ranges and conditions.
func (h handler) cover(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return err
	}
	cover, err := h.posts.Cover(c.Request().Context(), viewer(c), id)
	if err != nil {
		return err
	}
	header := c.Response().Header()
	header.Set(echo.HeaderContentType, cover.Type)
	header.Set("ETag", `"`+cover.ETag+`"`)
	header.Set("Content-Security-Policy", "default-src 'none'; sandbox") // a picture, should it be opened by itself
	http.ServeContent(c.Response(), c.Request(), "", cover.Changed, bytes.NewReader(cover.Bytes))
	return nil
}

func (h handler) setCover(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return err
	}
	if !viewer(c).SignedIn() { // before five megabytes are read
		return problem.New(problem.Unauthenticated, "sign in to change a post")
	}
	content, err := httpkit.ReadBody(c.Request(), MaxCover)
	if err != nil {
		return err
	}
	cover, err := h.posts.SetCover(c.Request().Context(), viewer(c), id, content)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", `"`+cover.ETag+`"`)
	return c.NoContent(http.StatusNoContent)
}

func (h handler) removeCover(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "post")
	if err != nil {
		return err
	}
	if err := h.posts.DeleteCover(c.Request().Context(), viewer(c), id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h handler) tags(c echo.Context) error {
	tags, err := h.posts.Tags(c.Request().Context(), tagsShown)
	if err != nil {
		return err
	}
	return httpkit.JSON(c, http.StatusOK, httpkit.ListOf(tags))
}
