package hosting

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

// Description is what a host tells of itself at GET /topology. A host embeds it in its
// own answer, beside the seams that only it has.
type Description struct {
	Host     string    `json:"host"`
	Replica  string    `json:"replica"`
	Version  string    `json:"version"`
	Started  time.Time `json:"started_at"`
	Listen   string    `json:"listen"`
	Public   string    `json:"public_url"` // what links in mails begin with
	Features []string  `json:"features"`
}

// Describe tells what runs here. Ask it after Listen.
func (h *Host) Describe(publicURL string, features ...string) Description {
	return Description{
		Host: h.env.Name, Replica: h.env.Replica, Version: h.Version, Started: h.started,
		Listen: h.PublicPort.Address(), Public: publicURL, Features: features,
	}
}

// Use is something that a host works with. The gateway draws its picture from it; no
// credential is in it.
type Use struct {
	Kind    string   `json:"kind"` // postgres, redis, mail, kafka or http
	Name    string   `json:"name"`
	Address string   `json:"address"`
	Topics  []string `json:"topics,omitempty"` // of kafka
}

// UsesDatabase is the host's database, by its name.
func (e Environment) UsesDatabase() Use {
	name := ""
	if u, err := url.Parse(e.DatabaseURL); err == nil {
		name = strings.TrimPrefix(u.Path, "/")
	}
	return Uses("postgres", name, e.DatabaseURL)
}

// UsesKafka is the host's brokers, and the topics that it uses there.
func (e Environment) UsesKafka(topics ...string) Use {
	return Use{Kind: "kafka", Name: "kafka", Address: strings.Join(e.KafkaAddrs, ","), Topics: topics}
}

// Uses keeps host and port of a URL that was checked when it was read: not who speaks
// there, nor the options.
func Uses(kind, name, address string) Use {
	u, err := url.Parse(address)
	if err != nil {
		return Use{Kind: kind, Name: name}
	}
	return Use{Kind: kind, Name: name, Address: u.Host}
}

// Version is what a release was linked with (-X main.version=05-comments-dark), or else
// the commit that the binary was built from.
func Version(linked string) string {
	if linked != "" {
		return linked
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

// Healthcheck asks /livez of the host that listens at address, host:port: it is for
// images that have no shell and no curl.
func Healthcheck(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	url := "http://" + address + "/livez"
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("ask %s: %w", url, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("ask %s: it answered %s", url, answer.Status)
	}
	return nil
}
