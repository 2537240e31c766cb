package control

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/current"
)

// longestConfig bounds what PUT reads.
const longestConfig = 4 << 20

// readConfig answers the configuration in force: YAML as it was given, or JSON for
// who prefers it. The ETag is the revision.
func (s *Server) readConfig(c echo.Context) error {
	snapshot := s.current.Snapshot()
	if snapshot == nil {
		return echo.NewHTTPError(http.StatusNotFound, "no configuration is in force; put one with PUT")
	}
	c.Response().Header().Set("ETag", etag(snapshot.Revision))
	text := snapshot.Table.Config.Source
	if !strings.Contains(c.Request().Header.Get("Accept"), "application/json") {
		return c.Blob(http.StatusOK, "application/yaml", text)
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return fmt.Errorf("read the running configuration: %w", err)
	}
	return c.JSON(http.StatusOK, tree)
}

// writeConfig puts a configuration in force. If-Match names the revision the caller
// has seen (or *); a revision not above the running one is a conflict.
func (s *Server) writeConfig(c echo.Context) error {
	seen, err := ifMatch(c.Request().Header.Get("If-Match"))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, longestConfig))
	if err != nil {
		return echo.NewHTTPError(http.StatusRequestEntityTooLarge, "the configuration can't be read, or is longer than 4 MiB")
	}
	revision, err := s.apply(text, seen)
	if err != nil {
		return err
	}
	c.Response().Header().Set("ETag", etag(revision))
	return c.JSON(http.StatusOK, map[string]any{"revision": revision})
}

// apply puts a text in force and returns its revision, or says in HTTP's terms why
// not.
func (s *Server) apply(text []byte, seen int64) (revision int64, err error) {
	snapshot, err := s.current.Replace("api", "body", text, seen)
	if err != nil {
		return 0, notApplied(err)
	}
	return snapshot.Revision, nil
}

// notApplied says in HTTP's terms why a text is not in force.
func notApplied(err error) error {
	var wrong config.Errors
	switch {
	case errors.As(err, &wrong):
		return echo.NewHTTPError(http.StatusUnprocessableEntity, wrong.Error())
	case errors.Is(err, current.ErrNoKey):
		return echo.NewHTTPError(http.StatusUnprocessableEntity, err.Error())
	case errors.Is(err, current.ErrMismatch):
		return echo.NewHTTPError(http.StatusPreconditionFailed, err.Error())
	case errors.Is(err, current.ErrStale), errors.Is(err, current.ErrHeld), errors.Is(err, current.ErrOutrun):
		return echo.NewHTTPError(http.StatusConflict, err.Error())
	}
	return err
}

func etag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

func ifMatch(header string) (int64, error) {
	switch header {
	case "":
		return 0, echo.NewHTTPError(http.StatusPreconditionRequired, `send If-Match with the ETag of GET /api/config, as in If-Match: "7"`)
	case "*":
		return current.Any, nil
	}
	n, err := strconv.ParseInt(strings.Trim(header, `"`), 10, 64)
	if err != nil || n < 0 {
		return 0, echo.NewHTTPError(http.StatusBadRequest, fmt.Sprintf(`If-Match %s is no revision; send the ETag of GET /api/config, as in "7"`, header))
	}
	return n, nil
}
