package reconcile

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"banyan.dev/platform/internal/replicas"
	"banyan.dev/platform/ownership/remote"
)

// ClientConfig says whose rows they are.
type ClientConfig struct {
	// Resource is what is compared, as comments.
	Resource string
	// Name is what the side is called in errors, as monolith.
	Name string
	// URLs are the admin ports of the host's replicas, as http://10.0.0.7:8081.
	URLs []string
	// Token is the hosts' ADMIN_TOKEN.
	Token string
	// Within bounds one question to one replica; 0 means 2 min.
	Within time.Duration
}

// Client is one side of a comparison, and its Repairer, asked over its host's admin
// ports: when a replica is away, the next one is asked the same. It is safe for
// concurrent use.
type Client struct {
	cfg ClientConfig
	ask *replicas.Asker
}

var (
	_ Source   = (*Client)(nil)
	_ Repairer = (*Client)(nil)
)

// NewClient returns the side. It connects to nobody yet; a URL that can't be is an
// error of whatever is asked first.
func NewClient(cfg ClientConfig) *Client {
	cfg.Within = cmp.Or(cfg.Within, 2*time.Minute)
	return &Client{cfg, replicas.New(replicas.Config{Name: cfg.Name, URLs: cfg.URLs, Token: cfg.Token})}
}

// Close closes idle connections.
func (c *Client) Close() { c.ask.Close() }

// Traffic is how many requests there were so far, and the bytes of both ways.
func (c *Client) Traffic() (requests, bytes int64) { return c.ask.Traffic() }

// Kinds is Source's.
func (c *Client) Kinds(ctx context.Context) (kinds []Kind, err error) {
	err = c.post(ctx, "kinds", question{}, &kinds)
	return kinds, err
}

// Split is Source's.
func (c *Client) Split(ctx context.Context, ranges []Range, rows int) (places [][]string, err error) {
	err = c.post(ctx, "split", question{Ranges: ranges, Rows: rows}, &places)
	return places, err
}

// Digests is Source's.
func (c *Client) Digests(ctx context.Context, ranges []Range) (digests []Digest, err error) {
	err = c.post(ctx, "digests", question{Ranges: ranges}, &digests)
	return digests, err
}

// Rows is Source's.
func (c *Client) Rows(ctx context.Context, ranges []Range) (rows [][]Row, err error) {
	err = c.post(ctx, "rows", question{Ranges: ranges}, &rows)
	return rows, err
}

// Find is Source's.
func (c *Client) Find(ctx context.Context, kind string, places []string) (rows []Row, err error) {
	err = c.post(ctx, "find", question{Kind: kind, Places: places}, &rows)
	return rows, err
}

// Repair is Repairer's. Its errors of package ownership are those of the owner's
// guard. When an answer is lost it is asked again, which does no harm.
func (c *Client) Repair(ctx context.Context, wants []Want) (done Repaired, err error) {
	err = c.post(ctx, "repair", question{Wants: wants}, &done)
	return done, err
}

// answerLimit is what MaxRows rows take, and then some.
const answerLimit = 128 << 20

// post asks, and reads the answer into a value.
func (c *Client) post(ctx context.Context, what string, q question, into any) error {
	answer, err := c.ask.Ask(ctx, replicas.Question{
		Method: http.MethodPost, Path: "/reconcile/" + url.PathEscape(c.cfg.Resource) + "/" + what,
		Body: q, Within: c.cfg.Within, Limit: answerLimit,
	}, final)
	if err != nil {
		return fmt.Errorf("reconcile %s: %s: %w", c.cfg.Resource, what, err)
	}
	if known, err := c.ask.Read(answer, into); known {
		return err
	}
	if err := remote.ErrorIn(answer.Body); err != nil {
		return err
	}
	return fmt.Errorf("%s: %s: it answers %d: %.300s", c.cfg.Name, what, answer.Status, answer.Body)
}

// final tells whether another replica would say the same.
func final(a replicas.Answer) bool { return replicas.Final(a) || remote.ErrorIn(a.Body) != nil }
