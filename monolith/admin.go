package main

import (
	"runtime/debug"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/monolith/internal/config"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/session"
)

// topology is what GET /topology answers: what runs here, and which seams are in
// force at this moment.
type topology struct {
	Host     string         `json:"host"`
	Replica  string         `json:"replica"`
	Version  string         `json:"version"`
	Started  time.Time      `json:"started_at"`
	Listen   string         `json:"listen"`
	Public   string         `json:"public_url"` // what links in mails begin with
	Features []string       `json:"features"`
	Seams    seams          `json:"seams"`
	Uses     []use          `json:"uses"`
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
		Logger: h.logger, Registry: h.registry, Ready: h.ready,
		Topology: func() any { return h.topology() },
	})
	// What of it tells about people the handler guards itself, with the same token.
	e.Any("/sessions/*", echo.WrapHandler(h.sessions.AdminHandler()))
	if h.events != nil {
		h.events.registerMoves(e, h.db, h.cfg.AdminToken)
	}
	return e
}

func (h *host) ready() error {
	if !h.publicPort.Ready() {
		return errDraining
	}
	return nil
}

func (h *host) topology() topology {
	t := topology{
		Host: "monolith", Replica: h.cfg.Replica, Version: builtFrom(), Started: h.started,
		Listen:   h.publicPort.Address(),
		Public:   h.settings.publicURL(),
		Features: []string{"accounts", "posts", "comments", "moderation", "feed", "notifications"},
		Seams:    h.seams(),
		Uses:     h.uses(),
		Sessions: h.sessions.Status(),
		Settings: h.settings.refused(),
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

// version is what a release was linked with (-X main.version=03-redis-sessions).
var version string

// builtFrom is the release, or else the commit that the binary was built from.
func builtFrom() string {
	if version != "" {
		return version
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision := "unknown"
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			revision += "-modified"
		}
	}
	return revision
}
