package control

import (
	_ "embed"
	"fmt"
	"html/template"
	"net/http"

	"github.com/labstack/echo/v4"
)

// pagePath is where people look. The data plane never routes it.
const pagePath = "/_strangler/"

//go:embed page.html
var pageText string

//go:embed page.css
var styleText []byte

//go:embed page.js
var scriptText []byte

var pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{"share": share}).Parse(pageText))

// page shows the status as it is now. Without script the browser's refresh shows
// it again; with script the numbers follow the event stream.
func (s *Server) page(c echo.Context) error {
	c.Response().Header().Set("Content-Type", "text/html; charset=utf-8")
	c.Response().WriteHeader(http.StatusOK)
	if err := pageTemplate.Execute(c.Response(), s.Status()); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	return nil
}

func script(c echo.Context) error {
	return c.Blob(http.StatusOK, "text/javascript; charset=utf-8", scriptText)
}

func style(c echo.Context) error {
	return c.Blob(http.StatusOK, "text/css; charset=utf-8", styleText)
}

// share is a replica's part of its owner's users, in percent.
func share(o OwnerStatus, pinned uint64) int {
	var all uint64
	for _, r := range o.Replicas {
		all += r.Pinned
	}
	if all == 0 {
		return 0
	}
	return int(pinned * 100 / all)
}
