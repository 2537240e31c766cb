package remote

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"banyan.dev/platform/internal/replicas"
	"banyan.dev/platform/ownership"
	"banyan.dev/platform/ownership/handover"
)

// ClientConfig says whose side it is.
type ClientConfig struct {
	// Resource is what is owned, as comments.
	Resource string
	// Name is what routes call the side, as monolith.
	Name string
	// URLs are the admin ports of the host's replicas, as http://10.0.0.7:8081.
	URLs []string
	// Token is the hosts' ADMIN_TOKEN.
	Token string
	// Within bounds one attempt at one replica; 0 means 2 s.
	Within time.Duration
	// FenceWithin is the same for a fence, which waits for writers; it must lie above
	// the side's own bound (ownership.Config.FenceWithin); 0 means 5 s.
	FenceWithin time.Duration
}

// Client is a side of a resource, asked over its host's admin ports. It is safe for
// concurrent use.
type Client struct {
	cfg ClientConfig
	ask *replicas.Asker
}

var _ handover.Side = (*Client)(nil)

// NewClient returns the side. It connects to nobody yet; a URL that can't be is an
// error of whatever is asked first.
func NewClient(cfg ClientConfig) *Client {
	cfg.Within = cmp.Or(cfg.Within, 2*time.Second)
	cfg.FenceWithin = cmp.Or(cfg.FenceWithin, 5*time.Second)
	return &Client{cfg, replicas.New(replicas.Config{Name: cfg.Name, URLs: cfg.URLs, Token: cfg.Token})}
}

// Close closes idle connections.
func (c *Client) Close() { c.ask.Close() }

// Name is what routes call the side.
func (c *Client) Name() string { return c.cfg.Name }

// Row reads who owns, as the side knows it.
func (c *Client) Row(ctx context.Context) (row ownership.Row, err error) {
	err = c.get(ctx, "", &row)
	if err == nil {
		err = c.check(row)
	}
	return row, err
}

// Ready asks whether the side could take, but for events that are on their way.
func (c *Client) Ready(ctx context.Context, epoch int64) error {
	return c.get(ctx, "/ready?epoch="+strconv.FormatInt(epoch, 10), nil)
}

// ErrUntold is a side of a version that has no such question.
var ErrUntold = errors.New("it does not answer that question")

// Rehearse sends markers on the way that a fence's will take; *ownership.Side says more.
// After a lost answer another replica sends more, which does no harm. Errors: ErrUntold.
func (c *Client) Rehearse(ctx context.Context) (int64, error) {
	var r Rehearsal
	q := replicas.Question{Method: http.MethodPost, Path: c.path("/rehearsals"), Within: c.cfg.Within}
	err := c.rehearsal(ctx, q, &r)
	return r.Number, err
}

// Rehearsed tells whether the other side's markers are here: ownership.ErrNotDrained
// until then. Errors: ErrUntold.
func (c *Client) Rehearsed(ctx context.Context, number int64) error {
	path := c.path("/rehearsals/" + strconv.FormatInt(number, 10))
	return c.rehearsal(ctx, replicas.Question{Method: http.MethodGet, Path: path, Within: c.cfg.Within}, nil)
}

// rehearsal also takes a plain 404 for an answer: that of a host which has no rehearsals.
func (c *Client) rehearsal(ctx context.Context, q replicas.Question, into any) error {
	answer, err := c.ask.Ask(ctx, q, func(a replicas.Answer) bool { return ours(a) || a.Status == http.StatusNotFound })
	if err != nil {
		return fmt.Errorf("rehearse %s: %w", c.cfg.Resource, err)
	}
	if answer.Status == http.StatusNotFound && ErrorIn(answer.Body) == nil {
		return fmt.Errorf("rehearse %s at %s: %w", c.cfg.Resource, c.cfg.Name, ErrUntold)
	}
	return c.read(answer, into)
}

// Moves returns the last moves of the side's row, the newest first; up to 1,000.
func (c *Client) Moves(ctx context.Context, last int) (moves []ownership.Moved, err error) {
	err = c.get(ctx, "/moves?last="+strconv.Itoa(last), &moves)
	return moves, err
}

// Do makes a move of the side's row. Errors of package ownership say that nothing was
// done; after any other nobody knows: read the row.
//
// When a replica's answer is lost the next one is given the same order. If that finds
// the row where this very order leaves it, by the same name, then it was done.
func (c *Client) Do(ctx context.Context, o ownership.Order) (row ownership.Row, err error) {
	q := replicas.Question{Method: http.MethodPost, Path: c.path("/moves"), Body: o, Within: c.cfg.Within}
	if o.Move == ownership.Fence {
		q.Within = c.cfg.FenceWithin
	}
	answer, err := c.ask.Ask(ctx, q, ours)
	if err != nil {
		return ownership.Row{}, fmt.Errorf("%s %s: %w", c.cfg.Name, o.Move, err)
	}
	if err := c.read(answer, &row); err != nil {
		return c.settle(o, answer.Lost, err)
	}
	return row, c.check(row)
}

// settle says what an error means that came after an answer was lost: nothing was
// done by the second attempt, but by the first something may have been.
func (c *Client) settle(o ownership.Order, lost bool, err error) (ownership.Row, error) {
	if !lost {
		return ownership.Row{}, err
	}
	var stale *ownership.StaleError
	if errors.As(err, &stale) && made(stale.Have, o) {
		return stale.Have, nil
	}
	text := err.Error() // not wrapped: it would say that nothing was done
	return ownership.Row{}, fmt.Errorf("%s %s: an answer was lost, and now: %s: read the row", c.cfg.Name, o.Move, text)
}

// made tells whether a row is what the order makes of one, and by whom.
func made(have ownership.Row, o ownership.Order) bool {
	for _, t := range ownership.Transitions() {
		if t.Move == o.Move {
			return have.Is(t.To, o.Epoch+t.Raise) && have.By == o.By
		}
	}
	return false
}

func (c *Client) get(ctx context.Context, path string, into any) error {
	answer, err := c.ask.Ask(ctx, replicas.Question{Method: http.MethodGet, Path: c.path(path), Within: c.cfg.Within}, ours)
	if err != nil {
		return fmt.Errorf("who owns %s: %w", c.cfg.Resource, err)
	}
	return c.read(answer, into)
}

func (c *Client) path(rest string) string {
	return "/ownership/" + url.PathEscape(c.cfg.Resource) + rest
}

// ours tells whether an answer is a side's own word, and not that of something in
// between or of a replica that is in trouble.
func ours(a replicas.Answer) bool {
	switch a.Status {
	case http.StatusOK, http.StatusNoContent, http.StatusBadRequest, http.StatusUnauthorized:
		return true
	}
	return ErrorIn(a.Body) != nil
}

// read takes the value or the error out of an answer.
func (c *Client) read(a replicas.Answer, into any) error {
	if a.Status == http.StatusNoContent || a.Status == http.StatusOK && into == nil {
		return nil
	}
	if known, err := c.ask.Read(a, into); known {
		return err
	}
	if err := ErrorIn(a.Body); err != nil {
		return err
	}
	return fmt.Errorf("%s answers %d: %s", c.cfg.Name, a.Status, a.Body)
}

// check refuses another resource's row: a URL in a wrong place.
func (c *Client) check(row ownership.Row) error {
	if row.Resource != c.cfg.Resource {
		return fmt.Errorf("%s answers for %q, and was asked for %q: look at its URLs", c.cfg.Name, row.Resource, c.cfg.Resource)
	}
	return nil
}
