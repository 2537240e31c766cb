package main

import (
	"github.com/labstack/echo/v4"

	"banyan.dev/monolith/internal/config"
	"banyan.dev/platform/hosting"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/session"
)

// topology is what GET /topology answers: what runs here, and which seams are in
// force at this moment.
type topology struct {
	hosting.Description
	Seams    seams          `json:"seams"`
	Uses     []hosting.Use  `json:"uses"`
	Sessions session.Status `json:"sessions"`
	Settings string         `json:"settings_refused,omitempty"` // why the file's last content is not in force
	moved
}

// seams are the places where this host could be wired otherwise.
type seams struct {
	Stores       config.Stores   `json:"stores"`
	SessionStore session.Mode    `json:"session_store"`
	UserCache    string          `json:"user_cache"`
	Comments     config.Comments `json:"comments"`
	Events       config.Events   `json:"events"`
	Mail         string          `json:"mail"`
}

// adminServer is the port that only the cluster reaches.
func (h *host) adminServer() *echo.Echo {
	e := httpkit.NewAdmin(httpkit.AdminConfig{
		Logger: h.Logger, Registry: h.Registry, Ready: h.Ready,
		Topology: func() any { return h.topology() },
	})
	// What of it tells about people the handler guards itself, with the same token.
	e.Any("/sessions/*", echo.WrapHandler(h.sessions.AdminHandler()))
	if h.events != nil {
		h.events.registerMoves(e, h.db, h.cfg.AdminToken)
	}
	return e
}

func (h *host) topology() topology {
	t := topology{
		Description: h.Describe(h.settings.publicURL(), "accounts", "posts", "comments", "moderation", "feed", "notifications"),
		Seams:       h.seams(),
		Uses:        h.uses(),
		Sessions:    h.sessions.Status(),
		Settings:    h.settings.refused(),
	}
	if h.events != nil {
		t.moved = h.events.told(h.db, consumers())
	}
	return t
}

func (h *host) seams() seams {
	s := seams{
		Stores: h.cfg.Stores, SessionStore: h.sessions.Status().Store, UserCache: "off",
		Comments: h.cfg.Comments, Events: h.cfg.Events, Mail: "off",
	}
	if h.settings.inForce().UserCache {
		s.UserCache = "redis"
	}
	if h.cfg.SMTPAddr != "" {
		s.Mail = "smtp"
	}
	return s
}
