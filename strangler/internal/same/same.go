package same

import (
	"context"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"time"
)

// Config says which two addresses to compare.
type Config struct {
	// DirectURL is the blog itself, e.g. http://127.0.0.1:8080. Required.
	DirectURL string
	// GatewayURL is the same blog through the gateway. Required.
	GatewayURL string
	// Host is the Host header that both are sent, so that what is made of it can be
	// compared. Empty means blog.example.
	Host string
	// Only compares the cases with these names; empty means all.
	Only []string
	// Timeout bounds one exchange. 0 means 15 s.
	Timeout time.Duration
	// StreamWithin is how soon an event must come through a stream. 0 means 5 s.
	StreamWithin time.Duration
}

// Result is how one comparison ended.
type Result struct {
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Detail names what differs, direct first. Empty when OK.
	Detail   string        `json:"detail,omitempty"`
	Duration time.Duration `json:"duration"`
}

// Case is one thing that must be the same.
type Case struct {
	Name string
	play func(*scene)
}

// All is the table of cases.
func All() []Case {
	return slices.Concat(readCases(), refusalCases(), writeCases(), uploadCases(), pageCases(), wireCases(), streamCases())
}

// Failed returns the results that are not OK.
func Failed(results []Result) []Result {
	return slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.OK })
}

// Run compares one case after the other, and returns a result for each in the
// table's order. When the two can't be compared at all, that is one failed result.
func Run(ctx context.Context, config Config) []Result {
	const preparation = "the comparison is prepared"
	begun := time.Now()
	direct, gateway, err := config.prepare()
	if err != nil {
		return []Result{{Name: preparation, Detail: err.Error()}}
	}
	stage, err := build(ctx, direct, gateway)
	if err != nil {
		return []Result{{Name: preparation, Detail: err.Error(), Duration: time.Since(begun)}}
	}
	var results []Result
	for _, c := range All() {
		if len(config.Only) == 0 || slices.Contains(config.Only, c.Name) {
			results = append(results, c.run(ctx, config, stage))
		}
	}
	return results
}

func (c *Config) prepare() (direct, gateway *side, err error) {
	if c.Host == "" {
		c.Host = "blog.example"
	}
	if c.Timeout <= 0 {
		c.Timeout = 15 * time.Second
	}
	if c.StreamWithin <= 0 {
		c.StreamWithin = 5 * time.Second
	}
	for _, name := range c.Only {
		if !slices.ContainsFunc(All(), func(known Case) bool { return known.Name == name }) {
			return nil, nil, fmt.Errorf("there is no case %q: take a name from same.All", name)
		}
	}
	if direct, err = c.side("direct", "DirectURL", c.DirectURL); err != nil {
		return nil, nil, err
	}
	gateway, err = c.side("gateway", "GatewayURL", c.GatewayURL)
	return direct, gateway, err
}

func (c *Config) side(name, field, address string) (*side, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%s is %q: give an address such as http://127.0.0.1:8080", field, address)
	}
	return &side{name: name, url: u, host: c.Host, timeout: c.Timeout}, nil
}

// run plays the case in a goroutine of its own, so that the scene can end at the
// first difference from within any depth of calls.
func (c Case) run(ctx context.Context, config Config, stage *stage) Result {
	begun := time.Now()
	s := &scene{ctx: ctx, stage: stage, streamWithin: config.StreamWithin}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer s.close()
		c.play(s)
		s.finished = true
	}()
	<-done
	result := Result{Name: c.Name, OK: s.finished && s.difference == "", Detail: s.difference, Duration: time.Since(begun)}
	if !result.OK && result.Detail == "" {
		result.Detail = "the comparison ended before its last line"
	}
	return result
}

// scene is one case while it is played. It belongs to one goroutine.
type scene struct {
	*stage
	ctx          context.Context
	streamWithin time.Duration
	difference   string
	finished     bool
	open         []*connection
}

// fail ends the case with what differs.
func (s *scene) fail(format string, args ...any) {
	s.difference = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// sides are the two, direct first.
func (s *scene) sides() [2]*side { return [2]*side{s.direct, s.gateway} }

// dial opens a connection that is closed when the case ends.
func (s *scene) dial(side *side) *connection {
	c, err := side.dial(s.ctx)
	if err != nil {
		s.fail("%s: %v", side.name, err)
	}
	s.open = append(s.open, c)
	return c
}

func (s *scene) close() {
	for _, c := range s.open {
		c.Close()
	}
}

// ask sends a request to one side over a fresh connection.
func (s *scene) ask(side *side, r request) reply {
	c := s.dial(side)
	answer, err := c.exchange(r.to(side))
	if err != nil {
		s.fail("%s: %s %s: %v", side.name, r.method, r.target, err)
	}
	return answer
}

// compare sends a request to both sides and ends the case when the answers differ.
// It returns the direct one.
func (s *scene) compare(r request) reply {
	return s.compareEach(func(*side) request { return r })
}

// compareEach is compare for a request that is not the same on both sides: it names
// something of that side's own.
func (s *scene) compareEach(request func(*side) request) reply {
	direct, gateway := s.direct, s.gateway
	r := request(direct)
	a, b := s.ask(direct, r), s.ask(gateway, request(gateway))
	s.mustEqual(r, a, b)
	return a
}

func (s *scene) mustEqual(r request, direct, gateway reply) {
	if d := difference(r, direct, gateway); d != "" {
		s.fail("%s %s: %s", r.method, r.target, d)
	}
}

// want ends the case when the blog itself does not answer with the status: then
// the two may be the same, but the case does not show what it means to.
func (s *scene) want(status int, answer reply) {
	if answer.status != status {
		s.fail("both answer %d where this case needs a %d: %s", answer.status, status, excerpt(answer.body))
	}
}
