package control

import (
	"errors"

	"banyan.dev/gateway/internal/config"
)

// Steer is withShare for a text.
func Steer(text string, route int, percent float64) (string, error) {
	c, err := config.Parse("text", []byte(text))
	if err != nil {
		return "", err
	}
	if route < 0 || route >= len(c.Routes) {
		return "", errors.New("no such route")
	}
	out, err := withShare(c, c.Revision+1, route, percent)
	return string(out), err
}

// Move is withOwner for a text.
func Move(text, resource, owner string, epoch int64) (string, error) {
	c, err := config.Parse("text", []byte(text))
	if err != nil {
		return "", err
	}
	if c.Resource(resource) == nil {
		return "", errors.New("no such resource")
	}
	out, err := withOwner(c, c.Revision+1, resource, owning{owner, epoch})
	return string(out), err
}

// MostFollow is how many streams are served at once.
const MostFollow = mostFollow
