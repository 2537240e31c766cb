package notifications

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
)

type handler struct {
	notifications *Service
	streams       *Streams
}

// Register adds the routes of notifications to the API's group.
func Register(g *echo.Group, notifications *Service, streams *Streams) {
	h := handler{notifications, streams}
	g.GET("/notifications", h.inbox)
	g.PUT("/notifications/read", h.readAll)
	g.PUT("/notifications/:id/read", h.read)
	g.GET("/notifications/stream", h.streams.answer)
}

func viewer(c echo.Context) contracts.Viewer { return contracts.ViewerFrom(c.Request().Context()) }

func (h handler) inbox(c echo.Context) error {
	page, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	inbox, err := h.notifications.Inbox(c.Request().Context(), viewer(c), page)
	if err != nil {
		return err
	}
	return httpkit.JSON(c, http.StatusOK, inbox)
}

func (h handler) read(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "notification")
	if err != nil {
		return err
	}
	if err := h.notifications.MarkRead(c.Request().Context(), viewer(c), id); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}

func (h handler) readAll(c echo.Context) error {
	if err := h.notifications.MarkAllRead(c.Request().Context(), viewer(c)); err != nil {
		return err
	}
	return c.NoContent(http.StatusNoContent)
}
