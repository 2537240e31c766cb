package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"os"
	"sync"

	"banyan.dev/platform/session"
	"banyan.dev/platform/watch"
)

// settings follows the settings file: what can change while the host runs. A
// content that can't be in force is refused: at the start with an error, later by
// keeping the last good one and telling so in the topology. It is safe for
// concurrent use.
type settings struct {
	path     string       // empty: there is no file, and the host's own stay in force
	fallback session.Mode // when the file names no store

	mu      sync.Mutex
	current session.Settings
	problem error
}

// loadSettings reads them for the first time.
func loadSettings(path string, fallback session.Mode) (*settings, error) {
	s := &settings{path: path, fallback: fallback, current: session.Settings{Mode: fallback, Generation: 1}}
	if path == "" {
		return s, nil
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("SETTINGS_FILE %q: %w", path, err)
	}
	s.current, err = s.parse(content)
	return s, err
}

func (s *settings) parse(content []byte) (session.Settings, error) {
	parsed, err := session.ParseSettings(content)
	if err != nil {
		return session.Settings{}, fmt.Errorf("SETTINGS_FILE %q: %w", s.path, err)
	}
	parsed.Mode = cmp.Or(parsed.Mode, s.fallback)
	return parsed, nil
}

// follow hands each new content to the sessions until ctx ends. The returned
// function waits for the end.
func (s *settings) follow(ctx context.Context, sessions *session.Manager, logger *slog.Logger) (wait func(), err error) {
	if s.path == "" {
		return func() {}, nil
	}
	return watch.File(ctx, s.path, logger, func(content []byte) {
		next, err := s.parse(content)
		if err == nil {
			err = sessions.Apply(next)
		}
		s.note(next, err)
		if err != nil {
			logger.ErrorContext(ctx, "settings refused; the last good ones stay in force", "error", err)
			return
		}
		logger.InfoContext(ctx, "settings in force", "revision", next.Revision, "session_store", next.Mode, "user_cache", next.UserCache)
	})
}

func (s *settings) note(next session.Settings, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.problem = err; err == nil {
		s.current = next
	}
}

func (s *settings) inForce() session.Settings {
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
