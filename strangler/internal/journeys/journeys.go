package journeys

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// Credentials are what somebody signs in with.
type Credentials struct {
	Email    string
	Password string
}

// Config says which blog to visit and how patiently.
type Config struct {
	// BaseURL is where the blog answers, e.g. http://127.0.0.1:8080. Required.
	BaseURL string
	// Moderator is an account with the role moderator. Without it the journeys that
	// need one fail, and say so.
	Moderator Credentials
	// Only plays the journeys with these names; empty means all.
	Only []string
	// Client's transport carries the requests; nil means one of our own. Its jar and
	// its way with redirects are not used: each person has a jar, nobody follows.
	Client *http.Client
	// EventuallyWithin bounds the wait for an effect of a write. 0 means 10 s.
	EventuallyWithin time.Duration
	// SeenWithin is how long it may take until somebody sees what another one has
	// written; who wrote it sees it at once. 0 means that others do too.
	SeenWithin time.Duration
	// AtOnce is how many journeys are played at the same time. 0 means 4.
	AtOnce int
	// Timeout bounds one journey. 0 means a minute.
	Timeout time.Duration
	// Played, if not nil, hears of each journey when it is over, one at a time, in the
	// order in which they end.
	Played func(Result)
}

// Journey is one thing that people do with the blog, from its beginning to its end.
type Journey struct {
	// Name is a sentence about the blog that holds when the journey goes well.
	Name string
	play func(*Story)
}

// Result is how one journey went.
type Result struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Detail says what was not so, and what was asked before it. Empty when OK.
	Detail   string        `json:"detail,omitempty"`
	Duration time.Duration `json:"duration"`
}

// All is the table of journeys.
func All() []Journey {
	return slices.Concat(
		accountJourneys(), sessionJourneys(), postJourneys(), draftJourneys(), coverJourneys(),
		commentJourneys(), moderationJourneys(), noticeJourneys(), readingJourneys(),
		refusalJourneys(), pageJourneys(), formJourneys(),
	)
}

// Failed returns the results that are not OK.
func Failed(results []Result) []Result {
	return slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.OK })
}

// Run plays the journeys and returns one result for each, in the table's order. A
// configuration that can't be used is one failed result. It may be called from
// several goroutines.
func Run(ctx context.Context, config Config) []Result {
	chosen, err := config.prepare()
	if err != nil {
		return []Result{{Name: "the configuration of the journeys", Detail: err.Error()}}
	}
	if config.Client == nil {
		transport := &http.Transport{MaxIdleConnsPerHost: 64}
		defer transport.CloseIdleConnections()
		config.Client = &http.Client{Transport: transport}
	}
	results := make([]Result, len(chosen))
	turn := make(chan struct{}, config.AtOnce)
	var all sync.WaitGroup
	var telling sync.Mutex
	for i, journey := range chosen {
		all.Go(func() {
			turn <- struct{}{}
			defer func() { <-turn }()
			results[i] = journey.run(ctx, config)
			if config.Played != nil {
				telling.Lock()
				defer telling.Unlock()
				config.Played(results[i])
			}
		})
	}
	all.Wait()
	return results
}

// prepare fills in what was left open and picks the journeys.
func (c *Config) prepare() ([]Journey, error) {
	base, err := url.Parse(c.BaseURL)
	if err != nil || base.Host == "" || base.Scheme != "http" && base.Scheme != "https" {
		return nil, fmt.Errorf("BaseURL is %q: give the blog's address, such as http://127.0.0.1:8080", c.BaseURL)
	}
	c.BaseURL = strings.TrimSuffix(c.BaseURL, "/")
	if c.EventuallyWithin <= 0 {
		c.EventuallyWithin = 10 * time.Second
	}
	if c.AtOnce <= 0 {
		c.AtOnce = 4
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Minute
	}
	return choose(All(), c.Only)
}

func choose(all []Journey, only []string) ([]Journey, error) {
	if len(only) == 0 {
		return all, nil
	}
	var chosen []Journey
	for _, name := range only {
		i := slices.IndexFunc(all, func(j Journey) bool { return j.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no journey %q: take a name from journeys.All", name)
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// run plays the journey in a goroutine of its own, so that the story can end from
// within any depth of calls, as a test does.
func (j Journey) run(ctx context.Context, config Config) Result {
	ctx, cancel := context.WithTimeout(ctx, config.Timeout)
	defer cancel()
	begun := time.Now()
	story := &Story{ctx: ctx, config: config}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer story.end()
		j.play(story)
		story.finished = true
	}()
	<-done
	result := Result{Name: j.Name, OK: story.finished && story.failure == nil, Duration: time.Since(begun)}
	if !result.OK {
		result.Detail = story.detail()
	}
	return result
}

// errEnded is what is told of a journey that left its goroutine without a word.
var errEnded = errors.New("the journey ended before its last line")

// goexit ends the journey's goroutine; its deferred clean-up runs.
func goexit() { runtime.Goexit() }
