package control

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v3"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/current"
)

// longestConfig bounds what PUT reads.
const longestConfig = 4 << 20

// read answers the configuration in force: YAML as it was given, or JSON for who
// prefers it. The ETag is the revision.
func (s *Server) read(c echo.Context) error {
	snapshot := s.current.Snapshot()
	if snapshot == nil {
		return echo.NewHTTPError(http.StatusNotFound, "no configuration is in force")
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

// write puts a configuration in force. If-Match names the revision the caller has
// seen (or *); a revision not above the running one is a conflict.
func (s *Server) write(c echo.Context) error {
	seen, err := ifMatch(c.Request().Header.Get("If-Match"))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(http.MaxBytesReader(c.Response(), c.Request().Body, longestConfig))
	if err != nil {
		return echo.NewHTTPError(http.StatusRequestEntityTooLarge, "the configuration can't be read, or is longer than 4 MiB")
	}
	err = s.current.Apply("api", "body", text, seen)
	var wrong config.Errors
	switch {
	case errors.As(err, &wrong):
		return echo.NewHTTPError(http.StatusUnprocessableEntity, wrong.Error())
	case errors.Is(err, current.ErrMismatch):
		return echo.NewHTTPError(http.StatusPreconditionFailed, err.Error())
	case errors.Is(err, current.ErrStale):
		return echo.NewHTTPError(http.StatusConflict, err.Error())
	case err != nil:
		return err
	}
	snapshot := s.current.Snapshot()
	c.Response().Header().Set("ETag", etag(snapshot.Revision))
	return c.JSON(http.StatusOK, map[string]any{"revision": snapshot.Revision})
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

// Status is GET /api/status.
type Status struct {
	Name        string        `json:"name"`
	Version     string        `json:"version"`
	Revision    int64         `json:"revision"`
	Source      string        `json:"source"`
	Since       time.Time     `json:"since"`
	Draining    bool          `json:"draining"`
	LastRefused *Refused      `json:"last_refused,omitempty"`
	Owners      []OwnerStatus `json:"owners"`
	Routes      []RouteStatus `json:"routes"`
}

// Refused is the last configuration that was not taken over.
type Refused struct {
	At     time.Time `json:"at"`
	Source string    `json:"source"`
	Reason string    `json:"reason"`
}

// OwnerStatus is one owner and its replicas.
type OwnerStatus struct {
	Name     string          `json:"name"`
	Affinity string          `json:"affinity,omitempty"`
	Home     string          `json:"home,omitempty"`
	Balance  config.Balance  `json:"balance"`
	Replicas []ReplicaStatus `json:"replicas"`
}

// ReplicaStatus is one replica; counts are since this gateway first knew it.
type ReplicaStatus struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Healthy  bool   `json:"healthy"`
	Reason   string `json:"reason,omitempty"`
	InFlight int64  `json:"inflight"`
	Requests uint64 `json:"requests"`
	Failures uint64 `json:"failures"`
	Pinned   uint64 `json:"pinned"`
}

// RouteStatus is one route; counts are since the gateway began, latencies upper
// bounds of histogram buckets.
type RouteStatus struct {
	Path     string   `json:"path"`
	Methods  []string `json:"methods,omitempty"`
	Owner    string   `json:"owner"`
	Timeout  string   `json:"timeout"`
	Requests uint64   `json:"requests"`
	Errors   uint64   `json:"errors"`
	P50ms    float64  `json:"p50_ms"`
	P99ms    float64  `json:"p99_ms"`
}

func (s *Server) status(c echo.Context) error { return c.JSON(http.StatusOK, s.Status()) }

// Status tells what is in force and how it goes.
func (s *Server) Status() Status {
	out := Status{Name: s.options.Name, Version: s.options.Version, Draining: s.draining.Load()}
	if r := s.current.Refused(); r != nil {
		out.LastRefused = &Refused{At: r.At, Source: r.Source, Reason: r.Reason}
	}
	snapshot := s.current.Snapshot()
	if snapshot == nil {
		return out
	}
	out.Revision, out.Source, out.Since = snapshot.Revision, snapshot.Source, snapshot.Since
	for i, o := range snapshot.Table.Owners {
		out.Owners = append(out.Owners, ownerStatus(snapshot.Table.Config.Owners[i], o))
	}
	for _, r := range snapshot.Table.Routes {
		reading := snapshot.Routes[r.Index].Baseline.Read()
		out.Routes = append(out.Routes, RouteStatus{
			Path: r.Pattern, Methods: r.Methods, Owner: r.Owner.Name, Timeout: r.Timeout.String(),
			Requests: reading.Requests, Errors: reading.Errors,
			P50ms: milliseconds(reading.P50), P99ms: milliseconds(reading.P99),
		})
	}
	return out
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// events streams the status once a second, for the page.
func (s *Server) events(c echo.Context) error {
	h := c.Response().Header()
	h.Set("Content-Type", "text/event-stream")
	c.Response().WriteHeader(http.StatusOK)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		text, err := json.Marshal(s.Status())
		if err != nil {
			return fmt.Errorf("write status: %w", err)
		}
		if _, err := fmt.Fprintf(c.Response(), "data: %s\n\n", text); err != nil {
			return nil //nolint:nilerr // the reader left
		}
		c.Response().Flush()
		select {
		case <-c.Request().Context().Done():
			return nil
		case <-s.closing:
			return nil
		case <-tick.C:
		}
	}
}
