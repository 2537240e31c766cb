package command

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// answerWithin is how long somebody may take to answer before a command begins.
const answerWithin = 2 * time.Second

// reach asks the address once, before a command that asks patiently: an address at
// which nobody answers is told at once. Any answer will do.
func reach(ctx context.Context, address string) error {
	within, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(within, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("ask %s: %w", address, err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	answer, err := transport.RoundTrip(request)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("nobody answers at %s; see status (%w)", address, err)
	}
	return answer.Body.Close()
}

// checkURL checks the address of a blog that a flag gave.
func checkURL(flag, value string) error {
	u, err := url.Parse(value)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("%s is %q: give the blog's address, such as http://127.0.0.1:8080", flag, value)
	}
	return nil
}
