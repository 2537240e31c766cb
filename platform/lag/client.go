package lag

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"banyan.dev/platform/internal/replicas"
)

// ClientConfig says which host is asked.
type ClientConfig struct {
	// Name is what the host is called in errors, as monolith.
	Name string
	// URLs are the admin ports of its replicas, as http://10.0.0.7:8081. All answer for
	// the host as a whole.
	URLs []string
	// Token is the hosts' ADMIN_TOKEN.
	Token string
	// Within bounds one question to one replica; 0 means 5 s.
	Within time.Duration
}

// Client asks a host how far it is. It is safe for concurrent use.
type Client struct {
	cfg ClientConfig
	ask *replicas.Asker
}

// NewClient returns the client. It connects to nobody yet.
func NewClient(cfg ClientConfig) *Client {
	cfg.Within = cmp.Or(cfg.Within, 5*time.Second)
	return &Client{cfg, replicas.New(replicas.Config{Name: cfg.Name, URLs: cfg.URLs, Token: cfg.Token})}
}

// Close closes idle connections.
func (c *Client) Close() { c.ask.Close() }

// ErrSilent is a host that does not tell how far it is: it has no events, or is of a
// version that told nothing.
var ErrSilent = errors.New("it tells nothing of its events")

// Report asks one replica after the other. Errors: ErrSilent.
func (c *Client) Report(ctx context.Context) (Report, error) {
	answer, err := c.ask.Ask(ctx, replicas.Question{Method: http.MethodGet, Path: Path, Within: c.cfg.Within, Limit: 8 << 20}, replicas.Final)
	if err != nil {
		return Report{}, fmt.Errorf("how far events are: %w", err)
	}
	var r Report
	known, err := c.ask.Read(answer, &r)
	switch {
	case answer.Status == http.StatusUnauthorized:
		return Report{}, fmt.Errorf("%w: %w", ErrSilent, err)
	case !known:
		return Report{}, fmt.Errorf("%s: %w: it answers %d at %s; does it run with events?", c.cfg.Name, ErrSilent, answer.Status, Path)
	}
	return r, err
}

// lookEvery is the pause between two looks.
const lookEvery = 100 * time.Millisecond

// CaughtUp returns when all that these hosts had told others until now has been applied
// by all their groups: first each sends what waits in its outbox, then each group comes
// as far as its topics reach then. What is told meanwhile is not waited for, so it ends
// under traffic. A host that does not answer is waited for; ErrSilent is not. When ctx
// ends before, its error says who is how far behind.
func CaughtUp(ctx context.Context, hosts ...*Client) error {
	for _, h := range hosts {
		if err := h.sent(ctx); err != nil {
			return err
		}
	}
	for _, h := range hosts {
		if err := h.applied(ctx); err != nil {
			return err
		}
	}
	return nil
}

// sent waits until what is in the outbox now is out of it.
func (c *Client) sent(ctx context.Context) error {
	last := int64(-1)
	return c.until(ctx, func(r Report) (behind string) {
		if last < 0 {
			last = r.Outbox.Last
		}
		if r.Outbox.Waiting == 0 || r.Outbox.First > last {
			return ""
		}
		return fmt.Sprintf("%d events wait to be sent", r.Outbox.Waiting)
	})
}

// applied waits until each group is where its partitions end now.
func (c *Client) applied(ctx context.Context) error {
	type place struct {
		group, topic string
		partition    int
	}
	var ends map[place]int64
	return c.until(ctx, func(r Report) (behind string) {
		first := ends == nil
		if first {
			ends = map[place]int64{}
		}
		var lacking []string
		for _, p := range r.Groups {
			at := place{p.Group, p.Topic, p.Partition}
			if first {
				ends[at] = p.End
			}
			if n := ends[at] - p.Next; n > 0 {
				lacking = append(lacking, fmt.Sprintf("group %s has %d messages to go in partition %d of %s", p.Group, n, p.Partition, p.Topic))
			}
		}
		return strings.Join(lacking, ", ")
	})
}

// until asks again and again until there is nothing behind.
func (c *Client) until(ctx context.Context, look func(Report) (behind string)) error {
	behind := "it did not answer yet"
	for {
		r, err := c.Report(ctx)
		switch {
		case errors.Is(err, ErrSilent):
			return err
		case err == nil:
			if behind = look(r); behind == "" {
				return nil
			}
		}
		timer := time.NewTimer(lookEvery)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%s has not caught up: %s: %w", c.cfg.Name, behind, errors.Join(ctx.Err(), err))
		}
	}
}
