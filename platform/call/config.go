package call

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says whom to ask, and how patiently.
type Config struct {
	// Name is the peer's, in metrics and errors.
	Name string
	// URLs are the base URLs of its replicas, or the one of a balancer before them.
	URLs []string
	// Timeout bounds a call with all its tries; 0 means 2 s. A context may be shorter.
	Timeout time.Duration
	// MaxBody bounds an answer's body in bytes; 0 means 32 MiB. It is there for a peer
	// that never ends, and must lie above whatever a peer may rightly answer: a page of a
	// hundred texts that people wrote to be large has some MiB, escaped as JSON.
	MaxBody int64
	// Breaker says when not to ask at all.
	Breaker Breaker
	// Registerer takes the metrics; nil: none are told. Several clients may share one.
	Registerer prometheus.Registerer
	// Logger may be nil: then nothing is logged.
	Logger *slog.Logger
}

// Breaker opens after so many calls in a row that found no peer, or when half of at
// least 20 calls in 10 s did not. What the peer answers, problems too, is no failure.
type Breaker struct {
	// Failures in a row; 0 means 5.
	Failures int
	// OpenFor is how long nothing is asked before one call tries; 0 means 1 s.
	OpenFor time.Duration
}

func (c Config) withDefaults() Config {
	c.Timeout = cmp.Or(c.Timeout, 2*time.Second)
	c.MaxBody = cmp.Or(c.MaxBody, 32<<20)
	c.Breaker.Failures = cmp.Or(c.Breaker.Failures, 5)
	c.Breaker.OpenFor = cmp.Or(c.Breaker.OpenFor, time.Second)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) check() error {
	switch {
	case c.Name == "":
		return errors.New("call: Name is empty: name the peer")
	case c.Timeout < 0, c.MaxBody < 0, c.Breaker.Failures < 0, c.Breaker.OpenFor < 0:
		return fmt.Errorf("call %s: a bound is negative: leave it at 0 for the default", c.Name)
	}
	return nil
}

// URLs reads a list of base URLs with commas between them, as in
// http://10.0.0.1:8080,http://10.0.0.2:8080; field is where it is written.
func URLs(field, list string) ([]string, error) {
	const mend = "write base URLs with commas between them, such as http://10.0.0.1:8080,http://10.0.0.2:8080"
	if strings.TrimSpace(list) == "" {
		return nil, fmt.Errorf("%s is not set: %s", field, mend)
	}
	var urls []string
	for _, text := range strings.Split(list, ",") {
		text = strings.TrimSuffix(strings.TrimSpace(text), "/")
		u, err := url.Parse(text)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
			return nil, fmt.Errorf("%s has %q, which is no base URL: %s", field, redacted(text, u), mend)
		case slices.Contains(urls, text):
			return nil, fmt.Errorf("%s names %s twice: leave one out", field, text)
		}
		urls = append(urls, text)
	}
	return urls, nil
}

// redacted leaves out what might be a password.
func redacted(text string, u *url.URL) string {
	if u != nil && u.User == nil {
		return text
	}
	_, rest, found := strings.Cut(text, "@")
	if !found {
		return text
	}
	return "…@" + rest
}
