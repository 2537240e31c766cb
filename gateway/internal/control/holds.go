package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/gateway/internal/current"
	"banyan.dev/gateway/internal/hold"
	"banyan.dev/gateway/internal/policy"
)

const (
	longestBody  = 64 << 10
	longestLabel = 200
	longestWait  = 30 * time.Second // of one GET for requests in flight
)

// holders remembers which hold is on which route, so that the status can say what to
// release. It is safe for concurrent use.
type holders struct {
	gates *hold.Gates
	mu    sync.Mutex
	of    map[string]string
}

func (h *holders) note(held *hold.Hold) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for route, id := range h.of {
		if _, err := h.gates.Find(id); err != nil {
			delete(h.of, route)
		}
	}
	for _, route := range held.Routes {
		h.of[route] = held.ID
	}
}

func (h *holders) on(route string) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.of[route]
}

// told is a hold as the API tells it.
type told struct {
	ID       string    `json:"id"`
	Routes   []string  `json:"routes"`
	Resource string    `json:"resource,omitempty"`
	Label    string    `json:"label,omitempty"`
	Until    time.Time `json:"until"`
	InFlight int64     `json:"in_flight"`
}

func tell(h *hold.Hold) told {
	return told{h.ID, h.Routes, h.Resource, h.Label, h.Until().UTC(), h.InFlight()}
}

// asked is the body of a request for a hold, or for more of it.
type asked struct {
	Routes   []string `json:"routes"`
	Resource string   `json:"resource"`
	Label    string   `json:"label"`
	For      string   `json:"for"`
}

func (s *Server) asked(c echo.Context, withRoutes bool) (asked, time.Duration, error) {
	var a asked
	if err := body(c, &a); err != nil {
		return a, 0, err
	}
	lasting, err := time.ParseDuration(a.For)
	if err != nil {
		return a, 0, echo.NewHTTPError(http.StatusUnprocessableEntity, fmt.Sprintf(`for: %q is no duration; write "for": "10s"`, a.For))
	}
	if withRoutes == (len(a.Routes) == 0 && a.Resource == "") || !withRoutes && a.Label != "" {
		return a, 0, echo.NewHTTPError(http.StatusUnprocessableEntity, `write {"routes": ["name"], "for": "10s"} or {"resource": "name", "for": "10s"} to hold, and {"for": "10s"} to renew`)
	}
	if len(a.Label) > longestLabel {
		return a, 0, echo.NewHTTPError(http.StatusUnprocessableEntity, fmt.Sprintf("label: it has %d bytes; write at most %d", len(a.Label), longestLabel))
	}
	for _, name := range a.Routes {
		if !s.knows(name) {
			return a, 0, echo.NewHTTPError(http.StatusNotFound, fmt.Sprintf("routes: %q is no route; GET /api/status names them", name))
		}
	}
	return a, lasting, nil
}

func (s *Server) knows(route string) bool {
	snapshot := s.current.Snapshot()
	return snapshot != nil && index(snapshot.Table, route) >= 0
}

func index(t *policy.Table, route string) int {
	for i, r := range t.Routes {
		if r.Name == route {
			return i
		}
	}
	return -1
}

// body reads a small JSON object without fields that mean nothing here.
func body(c echo.Context, into any) error {
	decoder := json.NewDecoder(http.MaxBytesReader(c.Response(), c.Request().Body, longestBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return echo.NewHTTPError(http.StatusBadRequest, fmt.Sprintf("the body can't be read: %v", err))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return echo.NewHTTPError(http.StatusBadRequest, "the body goes on behind its JSON object; send one object")
	}
	return nil
}

// beginHold makes new requests of routes wait.
func (s *Server) beginHold(c echo.Context) error {
	a, lasting, err := s.asked(c, true)
	if err != nil {
		return err
	}
	h, err := s.current.Hold(current.Wanted{Routes: a.Routes, Resource: a.Resource, Label: a.Label, For: lasting})
	if err != nil {
		return refused(err)
	}
	s.holds.note(h)
	c.Response().Header().Set("Location", "/api/holds/"+h.ID)
	return c.JSON(http.StatusCreated, tell(h))
}

// listHolds tells of all holds, so that a holder that died and came back finds its own.
func (s *Server) listHolds(c echo.Context) error {
	all := []told{}
	for _, h := range s.holds.gates.List() {
		all = append(all, tell(h))
	}
	return c.JSON(http.StatusOK, map[string]any{"holds": all})
}

// readHold tells of a hold; with wait it answers when nothing is in flight behind it
// any more, or the time is over.
func (s *Server) readHold(c echo.Context) error {
	h, err := s.holds.gates.Find(c.Param("hold"))
	if err != nil {
		return refused(err)
	}
	if wait := c.QueryParam("wait"); wait != "" {
		d, err := time.ParseDuration(wait)
		if err != nil || d < 0 {
			return echo.NewHTTPError(http.StatusBadRequest, fmt.Sprintf("wait: %q is no duration; write wait=2s", wait))
		}
		ctx, cancel := context.WithTimeout(c.Request().Context(), min(d, longestWait))
		defer cancel()
		h.Drained(ctx)
		if _, err := s.holds.gates.Find(h.ID); err != nil {
			return refused(err) // nothing in flight would mean nothing now
		}
	}
	return c.JSON(http.StatusOK, tell(h))
}

func (s *Server) renewHold(c echo.Context) error {
	_, lasting, err := s.asked(c, false)
	if err != nil {
		return err
	}
	h, err := s.holds.gates.Renew(c.Param("hold"), lasting)
	if err != nil {
		return refused(err)
	}
	return c.JSON(http.StatusOK, tell(h))
}

func (s *Server) endHold(c echo.Context) error {
	if err := s.holds.gates.Release(c.Param("hold")); err != nil {
		return refused(err)
	}
	return c.NoContent(http.StatusNoContent)
}

// refused says in HTTP's terms why there is no such hold.
func refused(err error) error {
	switch {
	case errors.Is(err, hold.ErrUnknown), errors.Is(err, current.ErrNoRoute):
		return echo.NewHTTPError(http.StatusNotFound, err.Error())
	case errors.Is(err, hold.ErrHeld):
		return echo.NewHTTPError(http.StatusConflict, err.Error())
	case errors.Is(err, hold.ErrBounds):
		return echo.NewHTTPError(http.StatusUnprocessableEntity, err.Error())
	}
	return err
}
