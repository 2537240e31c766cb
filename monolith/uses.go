package main

import (
	"net/url"
	"strings"

	"banyan.dev/monolith/internal/config"
)

// use is something this host works with. The gateway draws its picture from it; no
// credential is in it.
type use struct {
	Kind    string   `json:"kind"` // postgres, redis, mail, kafka or http
	Name    string   `json:"name"`
	Address string   `json:"address"`
	Topics  []string `json:"topics,omitempty"` // of kafka
}

// uses is what the host is wired to at this moment: Redis comes and goes with the
// settings.
func (h *host) uses() []use {
	database := reached("postgres", h.cfg.DatabaseURL)
	database.Name = strings.TrimPrefix(database.Name, "/")
	list := []use{database}
	settings := h.settings.inForce()
	if h.sessions.Status().Store.UsesRedis() || settings.UserCache {
		redis := reached("redis", settings.RedisURL)
		redis.Name = "redis"
		list = append(list, redis)
	}
	if h.cfg.SMTPAddr != "" {
		list = append(list, use{Kind: "mail", Name: "mail", Address: h.cfg.SMTPAddr})
	}
	if h.events != nil {
		list = append(list, use{
			Kind: "kafka", Name: "kafka", Address: strings.Join(h.cfg.KafkaAddrs, ","), Topics: []string{commentsTopic.Name, postsTopic.Name},
		})
	}
	if h.cfg.Comments == config.Owner {
		for _, address := range h.cfg.CommentsURLs {
			comments := reached("http", address)
			comments.Name = peerName
			list = append(list, comments)
		}
	}
	return list
}

// reached keeps host, port and path of a URL that was checked when it was read: not
// who speaks there, nor the options.
func reached(kind, address string) use {
	u, err := url.Parse(address)
	if err != nil {
		return use{Kind: kind, Name: kind}
	}
	return use{Kind: kind, Name: u.Path, Address: u.Host}
}
