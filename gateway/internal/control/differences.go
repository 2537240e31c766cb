package control

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"banyan.dev/gateway/internal/control/page"
	"banyan.dev/gateway/internal/policy"
	"banyan.dev/gateway/internal/shadow"
)

// differences answers the last differences of a route's shadow, the newest first.
func (s *Server) differences(c echo.Context) error {
	route, err := s.route(c)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"route": route.Name, "differences": s.mismatches(route)})
}

// differencesPage shows them to people: a page of its own, or with part=1 what the
// page's script puts in place.
func (s *Server) differencesPage(c echo.Context) error {
	route, err := s.route(c)
	if err != nil {
		return err
	}
	c.Response().Header().Set("Content-Type", "text/html; charset=utf-8")
	c.Response().WriteHeader(http.StatusOK)
	list := page.Differences{Gateway: s.options.Name, Route: route.Name, Mismatches: s.mismatches(route), Part: c.QueryParam("part") != ""}
	return page.WriteDifferences(c.Response(), list)
}

func (s *Server) mismatches(route *policy.Route) []shadow.Mismatch {
	list := []shadow.Mismatch{}
	// The route may belong to a newer snapshot: its name is looked up again.
	snapshot := s.current.Snapshot()
	if i := index(snapshot.Table, route.Name); i >= 0 && snapshot.Routes[i].Shadow != nil {
		list = append(list, snapshot.Routes[i].Shadow.Mismatches()...)
	}
	return list
}
