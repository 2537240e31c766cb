package main

import (
	"banyan.dev/monolith/internal/config"
	"banyan.dev/platform/hosting"
)

// uses is what the host is wired to at this moment: Redis comes and goes with the
// settings.
func (h *host) uses() []hosting.Use {
	list := []hosting.Use{h.cfg.UsesDatabase()}
	settings := h.settings.inForce()
	if h.sessions.Status().Store.UsesRedis() || settings.UserCache {
		list = append(list, hosting.Uses("redis", "redis", settings.RedisURL))
	}
	if h.cfg.SMTPAddr != "" {
		list = append(list, hosting.Use{Kind: "mail", Name: "mail", Address: h.cfg.SMTPAddr})
	}
	if h.events != nil {
		list = append(list, h.cfg.UsesKafka(commentsTopic.Name, postsTopic.Name))
	}
	if h.cfg.Comments == config.Owner {
		for _, address := range h.cfg.CommentsURLs {
			list = append(list, hosting.Uses("http", peerName, address))
		}
	}
	return list
}
