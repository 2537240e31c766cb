package journeys

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"time"
)

// Story is one journey while it is played. It belongs to one goroutine.
type Story struct {
	ctx      context.Context
	config   Config
	last     string // the call before, for the one who reads a failure
	failure  error
	finished bool
	ends     []func()
}

// Fail ends the journey here, with the reason.
func (s *Story) Fail(format string, args ...any) {
	s.failure = fmt.Errorf(format, args...)
	goexit()
}

// Is ends the journey unless got is what is wanted.
func (s *Story) Is(what string, got, want any) {
	if got != want {
		s.Fail("%s is %v, want %v", what, got, want)
	}
}

// True ends the journey unless it holds. what is the sentence that should be true.
func (s *Story) True(what string, holds bool) {
	if !holds {
		s.Fail("not so: %s", what)
	}
}

// Eventually waits until it holds: for what a write brings about elsewhere.
func (s *Story) Eventually(what string, holds func() bool) {
	deadline := time.Now().Add(s.config.EventuallyWithin)
	for pause := 10 * time.Millisecond; !holds(); pause = min(2*pause, 250*time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fail("not so within %s: %s", s.config.EventuallyWithin, what)
		}
		s.wait(pause)
	}
}

// Others is for what somebody sees of what another one has written: at once, but where
// the blog is allowed to be a moment behind (Config.SeenWithin).
func (s *Story) Others(what string, holds func() bool) {
	if s.config.SeenWithin == 0 {
		s.True(what, holds())
		return
	}
	deadline := time.Now().Add(s.config.SeenWithin)
	for !holds() {
		if time.Now().After(deadline) {
			s.Fail("not so within %s: %s", s.config.SeenWithin, what)
		}
		s.wait(20 * time.Millisecond)
	}
}

func (s *Story) wait(pause time.Duration) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
		s.Fail("the journey took longer than it may: %w", s.ctx.Err())
	}
}

// AtEnd is done when the journey is over, however it went: last first. It may make
// calls, and their failing is a failure of the journey.
func (s *Story) AtEnd(clean func()) { s.ends = append(s.ends, clean) }

// end cleans up. A clean-up that fails ends the goroutine too, so the next one is
// done from a defer.
func (s *Story) end() {
	if len(s.ends) == 0 {
		return
	}
	clean := s.ends[len(s.ends)-1]
	s.ends = s.ends[:len(s.ends)-1]
	defer s.end()
	told := s.failure
	defer func() {
		if told != nil {
			s.failure = told // the first reason is the one to read
		}
	}()
	clean()
}

func (s *Story) detail() string {
	reason := s.failure
	if reason == nil {
		reason = errEnded
	}
	if s.last == "" {
		return reason.Error()
	}
	return fmt.Sprintf("%s (the last call: %s)", reason, s.last)
}

// Visitor is somebody who is not signed in, with a cookie jar of their own.
func (s *Story) Visitor() *Person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		s.Fail("make a cookie jar: %w", err)
	}
	client := &http.Client{
		Transport:     s.config.Client.Transport,
		Jar:           jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Person{story: s, name: "a visitor", http: client}
}

// Reader is somebody new with an account, signed in.
func (s *Story) Reader(name string) *Person {
	p := s.Visitor()
	p.signUp(name)
	return p
}

// Author is a reader who took the role author.
func (s *Story) Author(name string) *Person {
	p := s.Reader(name)
	p.Put("/api/v1/accounts/"+p.Account.ID+"/role", fields{"role": "author"}).Answers(http.StatusOK)
	return p
}

// Moderator is the moderator of the configuration, signed in on a device of their own
// that signs out when the journey ends.
func (s *Story) Moderator() *Person {
	if s.config.Moderator.Email == "" {
		s.Fail("this journey needs a moderator: give one in Config.Moderator")
	}
	p := s.Visitor()
	p.SignsIn(s.config.Moderator)
	s.AtEnd(func() { p.SignsOut() })
	return p
}

// Word is a random word of lower-case letters that nobody else writes.
func (s *Story) Word() string {
	digits := hex.EncodeToString(randomBytes(9))
	// Letters only: text search and tags treat digits in ways of their own.
	return "q" + strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return 'g' + r - '0'
		}
		return r
	}, digits)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the process instead
	return b
}
