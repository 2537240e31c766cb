package httpkit

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// JSON answers with v. The whole is encoded before the first byte is sent, so that
// a value that can't be encoded is a problem and not half an answer, and so that
// HEAD tells the length.
func JSON(c echo.Context, status int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return blob(c, status, body)
}

func blob(c echo.Context, status int, body []byte) error {
	c.Response().Header().Set("Content-Length", strconv.Itoa(len(body)))
	return c.Blob(status, echo.MIMEApplicationJSON, body)
}

// Versioned answers 200 with v and an ETag that begins with its version, or 304 when
// the client has just this.
func Versioned(c echo.Context, version int, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	entity := bodyTag(version, body)
	c.Response().Header().Set("ETag", entity)
	if NotModified(c, entity) {
		return c.NoContent(http.StatusNotModified)
	}
	return blob(c, http.StatusOK, body)
}

// List is how a list without pages is answered.
type List[T any] struct {
	Items []T `json:"items"`
}

// ListOf returns all of a short list; nil becomes [].
func ListOf[T any](items []T) List[T] {
	if items == nil {
		items = []T{}
	}
	return List[T]{items}
}

// PageOf reads cursor and limit from the query. Problem: Validation, which names
// the parameter at fault.
func PageOf(c echo.Context) (paging.Page, error) {
	page := paging.Page{After: c.QueryParam("cursor"), Limit: paging.DefaultLimit}
	var f problem.Fields
	if s := c.QueryParam("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > paging.MaxLimit {
			f.Add("limit", "%q is no length of a page: use 1 to %d", s, paging.MaxLimit)
			return paging.Page{}, f.Err()
		}
		page.Limit = n
	}
	if _, _, err := page.Start(); err != nil {
		return paging.Page{}, err
	}
	return page, nil
}

// ID returns the path parameter that names a thing, or NotFound when it can't be
// the name of any: ids are UUIDs, and what is none must not reach a database.
func ID(c echo.Context, parameter, thing string) (string, error) {
	id := c.Param(parameter)
	if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id {
		return "", problem.New(problem.NotFound, "there is no %s %q", thing, id)
	}
	return id, nil
}
