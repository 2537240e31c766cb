package backfill

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"banyan.dev/platform/internal/replicas"
)

// ClientConfig says whose backfill it is.
type ClientConfig struct {
	// Resource is what is brought over, as comments.
	Resource string
	// Name is what the owner is called in errors, as monolith.
	Name string
	// URLs are the admin ports of the owner's replicas, as http://10.0.0.7:8081.
	URLs []string
	// Token is the hosts' ADMIN_TOKEN.
	Token string
	// Within bounds one question to one replica; 0 means 5 s.
	Within time.Duration
}

// Client is a runner, asked over its host's admin ports: when a replica is away, the
// next one is asked the same, which does no harm. It is safe for concurrent use.
type Client struct {
	cfg ClientConfig
	ask *replicas.Asker
}

// NewClient returns the client. It connects to nobody yet; a URL that can't be is an
// error of whatever is asked first.
func NewClient(cfg ClientConfig) *Client {
	cfg.Within = cmp.Or(cfg.Within, 5*time.Second)
	return &Client{cfg, replicas.New(replicas.Config{Name: cfg.Name, URLs: cfg.URLs, Token: cfg.Token})}
}

// Close closes idle connections.
func (c *Client) Close() { c.ask.Close() }

// Status is Runner.Status.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return c.send(ctx, http.MethodGet, nil)
}

// Start is Runner.Start. Errors: ErrOrder.
func (c *Client) Start(ctx context.Context, o Order) (Status, error) {
	return c.send(ctx, http.MethodPost, o)
}

// Pause is Runner.Pause.
func (c *Client) Pause(ctx context.Context) (Status, error) {
	return c.send(ctx, http.MethodDelete, nil)
}

// Await asks again and again until the run is done, and calls each with what it is
// told. It returns an error when ctx ends, or when another run has taken the run's
// place; that a replica, or all of them, are away for a while is waited out.
func (c *Client) Await(ctx context.Context, run string, every time.Duration, each func(Status)) (Status, error) {
	var last error
	for {
		s, err := c.Status(ctx)
		switch {
		case err != nil:
			last = err
		case s.Run != run:
			return s, fmt.Errorf("backfill of %s: run %s was replaced by %q", c.cfg.Resource, run, s.Run)
		default:
			each(s)
			if s.State == Done {
				return s, nil
			}
		}
		if sleep(ctx, every) != nil {
			return Status{}, fmt.Errorf("wait for the backfill of %s: %w (last: %v)", c.cfg.Resource, ctx.Err(), last) //nolint:errorlint // the last is for people
		}
	}
}

// Missing is Runner.Missing of the host, which follows. Errors: ErrOrder, ErrUntold.
func (c *Client) Missing(ctx context.Context, run string) (string, error) {
	var told Applied
	err := c.to(ctx, http.MethodGet, "/applied/"+url.PathEscape(run), nil, &told)
	return told.Missing, err
}

func (c *Client) send(ctx context.Context, method string, body any) (s Status, err error) {
	return s, c.to(ctx, method, "", body, &s)
}

// ErrUntold is a host that does not answer that question.
var ErrUntold = errors.New("it answers 404")

func (c *Client) to(ctx context.Context, method, rest string, body, into any) error {
	answer, err := c.ask.Ask(ctx, replicas.Question{
		Method: method, Path: "/backfill/" + url.PathEscape(c.cfg.Resource) + rest, Body: body, Within: c.cfg.Within,
	}, replicas.Final)
	if err != nil {
		return fmt.Errorf("backfill of %s: %w", c.cfg.Resource, err)
	}
	if known, err := c.ask.Read(answer, into); known {
		return err
	}
	if answer.Status == http.StatusBadRequest {
		return fmt.Errorf("%s: %s: %w", c.cfg.Name, strings.TrimSpace(string(answer.Body)), ErrOrder)
	}
	return fmt.Errorf("%s has no backfill of %s: %w", c.cfg.Name, c.cfg.Resource, ErrUntold)
}
