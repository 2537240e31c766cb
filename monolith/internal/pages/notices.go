package pages

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/features/notifications"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
)

type noticesPage struct {
	notifications.Inbox
	Newer, Next string
}

func (p *Pages) notifications(c echo.Context) error {
	at, err := httpkit.PageOf(c)
	if err != nil {
		return err
	}
	inbox, err := p.Notifications.Inbox(c.Request().Context(), viewer(c), at)
	if err != nil {
		return err
	}
	page := noticesPage{inbox, firstLink(c), nextLink(c, inbox.Next)}
	return p.show(c, http.StatusOK, "notifications", view{Title: "Notifications", Active: "notifications", Page: page})
}

func (p *Pages) readAll(c echo.Context) error {
	if err := p.Notifications.MarkAllRead(c.Request().Context(), viewer(c)); err != nil {
		return err
	}
	return p.done(c, "/notifications", "All are read.")
}

// openNotification notes that the viewer read it and leads to what it is about. It
// is a form's, not a link's: what a browser fetches ahead must change nothing.
func (p *Pages) openNotification(c echo.Context) error {
	id, err := httpkit.ID(c, "id", "notification")
	if err != nil {
		return err
	}
	if err := p.Notifications.MarkRead(c.Request().Context(), viewer(c), id); err != nil {
		return err
	}
	f, err := readForm(c)
	if err != nil {
		return err
	}
	comment := f.values.Get("comment")
	if !contracts.IsID(comment) {
		return redirect(c, "/notifications")
	}
	_, err = p.Comments.Get(c.Request().Context(), viewer(c), comment)
	switch {
	case problem.Is(err, problem.NotFound):
		return p.done(c, "/notifications", "That comment is not there any more.")
	case p.without(c, err):
		return p.done(c, "/notifications", "The comments can't be shown at this moment: try again in a little while.")
	case err != nil:
		return err
	}
	return redirect(c, "/comments/"+comment)
}
