package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"banyan.dev/monolith/internal/config"
	"banyan.dev/platform/session"
	"banyan.dev/platform/watch"
)

// settings follows the settings file: what can change while the host runs. A
// content that can't be in force is refused: at the start with an error, later by
// keeping the last good one and telling so in the topology. It is safe for
// concurrent use.
type settings struct {
	cfg config.Config // its SettingsFile may be empty: then what it says itself stays in force

	mu      sync.Mutex
	current values
	problem error
}

// values are one content of the file, with the host's own where it names none.
type values struct {
	session.Settings
	publicURL string
}

// loadSettings reads them for the first time.
func loadSettings(cfg config.Config) (*settings, error) {
	s := &settings{cfg: cfg, current: values{session.Settings{Mode: cfg.SessionStore, Generation: 1}, cfg.PublicURL}}
	if cfg.SettingsFile == "" {
		return s, nil
	}
	content, err := os.ReadFile(cfg.SettingsFile)
	if err != nil {
		return nil, fmt.Errorf("SETTINGS_FILE %q: %w", cfg.SettingsFile, err)
	}
	s.current, err = s.parse(content)
	return s, err
}

func (s *settings) parse(content []byte) (values, error) {
	parsed, err := session.ParseSettings(content, "public_url")
	if err != nil {
		return values{}, fmt.Errorf("SETTINGS_FILE %q: %w", s.cfg.SettingsFile, err)
	}
	publicURL, err := s.parsePublicURL(content)
	if err != nil {
		return values{}, fmt.Errorf("SETTINGS_FILE %q: %w", s.cfg.SettingsFile, err)
	}
	parsed.Mode = cmp.Or(parsed.Mode, s.cfg.SessionStore)
	parsed.RedisURL = signedIn(parsed.RedisURL, s.cfg.RedisUser, s.cfg.RedisPassword)
	return values{parsed, publicURL}, nil
}

// signedIn is a Redis address with the environment's user and password, unless it
// names its own: the settings file is often a ConfigMap, which is no place for them.
func signedIn(address, user, password string) string {
	if address == "" || user == "" && password == "" {
		return address
	}
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return address
	}
	u.User = url.UserPassword(user, password)
	return u.String()
}

// parsePublicURL reads the one field that is the host's own, or gives the
// environment's value where the file names none.
func (s *settings) parsePublicURL(content []byte) (string, error) {
	var own struct {
		PublicURL string `yaml:"public_url"`
	}
	if err := yaml.Unmarshal(content, &own); err != nil {
		return "", fmt.Errorf("public_url is not one address, such as https://blog.example.org: %w", err)
	}
	if own.PublicURL == "" {
		return s.cfg.PublicURL, nil
	}
	own.PublicURL = strings.TrimSuffix(own.PublicURL, "/")
	return own.PublicURL, s.cfg.CheckPublic("public_url", own.PublicURL)
}

// follow hands each new content to the sessions until ctx ends. The returned
// function waits for the end.
func (s *settings) follow(ctx context.Context, sessions *session.Manager, logger *slog.Logger) (wait func(), err error) {
	if s.cfg.SettingsFile == "" {
		return func() {}, nil
	}
	return watch.File(ctx, s.cfg.SettingsFile, logger, func(content []byte) {
		next, err := s.parse(content)
		if err = s.take(next, err, sessions.Apply); err != nil {
			logger.ErrorContext(ctx, "settings refused; the last good ones stay in force", "error", err)
			return
		}
		logger.InfoContext(ctx, "settings in force", "revision", next.Revision, "session_store", next.Mode, "user_cache", next.UserCache, "public_url", next.publicURL)
	})
}

// take puts next in force, unless it could not be read or the sessions refuse it.
// Who sees the new revision in the sessions' status also sees the rest of it here:
// the lock is held meanwhile.
func (s *settings) take(next values, err error, apply func(session.Settings) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err == nil {
		err = apply(next.Settings)
	}
	if s.problem = err; err == nil {
		s.current = next
	}
	return err
}

// publicURL is where people reach the blog at this moment: what links in mails and
// in the Atom feed begin with.
func (s *settings) publicURL() string { return s.inForce().publicURL }

func (s *settings) inForce() values {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current
}

// refused is why the file's present content is not in force; empty when it is.
func (s *settings) refused() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem == nil {
		return ""
	}
	return s.problem.Error()
}
