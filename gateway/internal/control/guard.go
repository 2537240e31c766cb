package control

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"
)

// guarded asks for the token. It is taken from the Authorization header only: a
// browser sends that for nobody but the page's own script, so that no form and no
// link of another site can change anything.
func (s *Server) guarded(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		given, isBearer := strings.CutPrefix(c.Request().Header.Get("Authorization"), "Bearer ")
		if s.options.Token == "" {
			return echo.NewHTTPError(http.StatusForbidden, "changes are off: the gateway was started without ADMIN_TOKEN")
		}
		// Sums are equally long: so the time tells nothing, not the length either.
		want, got := sha256.Sum256([]byte(s.options.Token)), sha256.Sum256([]byte(given))
		if !isBearer || subtle.ConstantTimeCompare(want[:], got[:]) != 1 {
			c.Response().Header().Set("WWW-Authenticate", `Bearer realm="gateway"`)
			return echo.NewHTTPError(http.StatusUnauthorized, "send Authorization: Bearer with the gateway's ADMIN_TOKEN")
		}
		return next(c)
	}
}

// local answers only those who call this machine by one of its own names. A port on
// loopback is reached by any page that a browser here shows, if the page's own name
// is made to resolve to loopback (DNS rebinding); the name it calls gives it away.
// Who probes and collects may call it by any name: that tells nothing of clients.
func local(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		switch c.Path() {
		case "/livez", "/healthz", "/readyz", "/metrics":
			return next(c)
		}
		host := c.Request().Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		ip := net.ParseIP(strings.Trim(host, "[]"))
		if !strings.EqualFold(host, "localhost") && (ip == nil || !ip.IsLoopback()) {
			return echo.NewHTTPError(http.StatusMisdirectedRequest, fmt.Sprintf("this port is for this machine: call it localhost or 127.0.0.1, not %q", host))
		}
		return next(c)
	}
}

// secure keeps browsers from doing with the page what it isn't for.
func secure(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		return next(c)
	}
}

// failed answers errors as problem+json.
func (s *Server) failed(err error, c echo.Context) {
	if c.Response().Committed {
		return
	}
	status, detail := http.StatusInternalServerError, "the gateway failed"
	var told *echo.HTTPError
	if errors.As(err, &told) {
		status, detail = told.Code, fmt.Sprint(told.Message)
	} else {
		s.logger.ErrorContext(c.Request().Context(), "control request failed", "path", c.Path(), "error", err)
	}
	c.Response().Header().Set(echo.HeaderContentType, "application/problem+json")
	problem := map[string]any{
		"type": "urn:banyan:problem:" + kinds[status], "title": http.StatusText(status),
		"status": status, "detail": detail, "instance": c.Request().URL.Path,
	}
	if err := c.JSON(status, problem); err != nil {
		s.logger.DebugContext(c.Request().Context(), "answer not delivered", "error", err)
	}
}

var kinds = map[int]string{
	http.StatusBadRequest: "malformed", http.StatusUnauthorized: "unauthenticated", http.StatusForbidden: "forbidden",
	http.StatusNotFound: "not-found", http.StatusMethodNotAllowed: "method-not-allowed", http.StatusConflict: "conflict",
	http.StatusPreconditionFailed: "version-mismatch", http.StatusPreconditionRequired: "precondition-required",
	http.StatusRequestEntityTooLarge: "too-large", http.StatusUnprocessableEntity: "validation", http.StatusInternalServerError: "internal",
	http.StatusServiceUnavailable: "unavailable", http.StatusMisdirectedRequest: "misdirected",
}

// parameter is a part of the path as it was meant: names of routes hold slashes and
// commas, and are sent escaped.
func parameter(c echo.Context, name string) (string, error) {
	value := c.Param(name)
	if c.Request().URL.RawPath == "" {
		return value, nil
	}
	plain, err := url.PathUnescape(value)
	if err != nil {
		return "", echo.NewHTTPError(http.StatusBadRequest, fmt.Sprintf("%q is badly escaped: %v", value, err))
	}
	return plain, nil
}
