package feed

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"banyan.dev/platform/httpkit"
)

type handler struct {
	feed *Service
}

// Register adds the routes of feed and search to the API's group.
func Register(g *echo.Group, feed *Service) {
	h := handler{feed}
	g.GET("/feed", h.newest)
	g.GET("/search", h.search)
}

func (h handler) newest(c echo.Context) error {
	page, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	list, err := h.feed.Feed(c.Request().Context(), page)
	if err != nil {
		return err
	}
	return httpkit.JSON(c, http.StatusOK, list)
}

func (h handler) search(c echo.Context) error {
	page, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	list, err := h.feed.Search(c.Request().Context(), c.QueryParam("q"), page)
	if err != nil {
		return err
	}
	return httpkit.JSON(c, http.StatusOK, list)
}
