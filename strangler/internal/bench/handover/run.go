package handover

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

// window is the time around one hand-over.
type window struct {
	to           string
	began, ended time.Time
	moved        Moved
}

// aftermath is how long after a hand-over what is sent still counts to it: it stands in
// line behind what had waited.
const aftermath = 200 * time.Millisecond

func (w window) has(s sample) bool {
	return !s.due.After(w.ended.Add(aftermath)) && !s.done.Before(w.began)
}

// Run measures and writes the table. It leaves what it wrote in the blog, and nothing else.
func Run(ctx context.Context, config Config) error {
	if err := config.validate(); err != nil {
		return err
	}
	c := newClient(config.URL, config.Deadline)
	defer c.transport.CloseIdleConnections()
	tag := strings.ToLower(rand.Text()[:8])
	config.Say(fmt.Sprintf("signing %d users up", config.Users))
	users, err := gather(ctx, c, config.Users, tag)
	if err != nil {
		return err
	}
	l := newLoad(c, users, tag)
	config.Say(fmt.Sprintf("writing %d comments/s", config.Rate))
	began := time.Now()
	windows, err := config.move(ctx, l)
	if err != nil {
		return err
	}
	seconds := time.Since(began).Seconds()
	config.Say("reading everything back")
	checked, err := l.check(ctx)
	if err != nil {
		return err
	}
	r := report(config, l, windows)
	r.Posts, r.Seconds, r.Tally = postsOf(users), round(seconds), checked.Tally
	for i, f := range checked.Findings {
		if i < maxFailures {
			r.Findings = append(r.Findings, f.String())
		}
	}
	if config.Compare != nil {
		config.Say("comparing both sides")
		n, err := config.Compare(ctx)
		if err != nil {
			return fmt.Errorf("compare both sides: %w", err)
		}
		r.Differences = &n
	}
	r.Goals = goals(r)
	return r.write(config.Out, config.JSON)
}

// move hands over there and back while the load is at work.
func (c Config) move(ctx context.Context, l *load) ([]window, error) {
	stop := l.begin(ctx, c.Rate, c.Reads)
	defer stop()
	var windows []window
	for n := range 2 * c.Rounds {
		if !pause(ctx, c.Pause) {
			return nil, cmp.Or(ctx.Err(), context.DeadlineExceeded)
		}
		w := window{to: c.Sides[n%2], began: time.Now()}
		var err error
		if w.moved, err = c.Move(ctx, w.to); err != nil {
			return nil, fmt.Errorf("hand-over %d, to %s: %w", n+1, w.to, err)
		}
		w.ended = time.Now()
		c.Say(fmt.Sprintf("hand-over %d of %d: %s owns at epoch %d; gates held for %.0f ms, %d requests waited",
			n+1, 2*c.Rounds, w.to, w.moved.Epoch, milliseconds(w.moved.Held), w.moved.Waited))
		windows = append(windows, w)
	}
	if !pause(ctx, c.Pause) {
		return nil, cmp.Or(ctx.Err(), context.DeadlineExceeded)
	}
	return windows, nil
}

func postsOf(users []*user) int {
	posts := map[string]bool{}
	for _, u := range users {
		for _, p := range u.posts {
			posts[p] = true
		}
	}
	return len(posts)
}
