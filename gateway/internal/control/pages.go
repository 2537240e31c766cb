package control

import (
	"fmt"
	"net/http"

	"github.com/labstack/echo/v4"

	"banyan.dev/gateway/internal/control/page"
	"banyan.dev/gateway/internal/policy"
)

// refreshes are how often a page without script may ask to be read again, in seconds.
var refreshes = map[string]int{"2": 2, "5": 5, "10": 10, "30": 30}

func (s *Server) view() page.View {
	v := page.View{Status: s.Status()}
	if snapshot := s.current.Snapshot(); snapshot != nil {
		v.Config = string(snapshot.Table.Config.Source)
	}
	return v
}

// page shows the status as it is now. With script it then follows the events.
func (s *Server) page(c echo.Context) error {
	v := s.view()
	v.Refresh = refreshes[c.QueryParam("refresh")]
	c.Response().Header().Set("Content-Type", "text/html; charset=utf-8")
	c.Response().WriteHeader(http.StatusOK)
	return page.Write(c.Response(), v)
}

// route finds the one that the path names.
func (s *Server) route(c echo.Context) (*policy.Route, error) {
	name, err := parameter(c, "route")
	if err != nil {
		return nil, err
	}
	if snapshot := s.current.Snapshot(); snapshot != nil {
		if i := index(snapshot.Table, name); i >= 0 {
			return snapshot.Table.Routes[i], nil
		}
	}
	return nil, echo.NewHTTPError(http.StatusNotFound, fmt.Sprintf("%q is no route; GET /api/status names them", name))
}
