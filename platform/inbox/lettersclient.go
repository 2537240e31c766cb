package inbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"banyan.dev/platform/internal/replicas"
)

// LettersClientConfig says whose dead letters they are.
type LettersClientConfig struct {
	// Name is what the host is called in errors, as monolith.
	Name string
	// URLs are the admin ports of its replicas, as http://10.0.0.7:8081; all are of one
	// database.
	URLs []string
	// Token is the hosts' ADMIN_TOKEN.
	Token string
	// Within bounds one question to one replica; 0 means 5 s.
	Within time.Duration
}

// LettersClient is a host's dead letters, asked over its admin ports: when a replica is
// away, the next one is asked the same, which does no harm. It is safe for concurrent
// use.
type LettersClient struct {
	cfg LettersClientConfig
	ask *replicas.Asker
}

// NewLettersClient returns the client. It connects to nobody yet; a URL that can't be is
// an error of whatever is asked first.
func NewLettersClient(cfg LettersClientConfig) *LettersClient {
	cfg.Within = cmp.Or(cfg.Within, 5*time.Second)
	return &LettersClient{cfg, replicas.New(replicas.Config{Name: cfg.Name, URLs: cfg.URLs, Token: cfg.Token})}
}

// Close closes idle connections.
func (c *LettersClient) Close() { c.ask.Close() }

// ErrNoInbox is a host that tells of no dead letters: it hears of no events, or is of a
// version that did not tell.
var ErrNoInbox = errors.New("it tells of no dead letters: does it run with events?")

// List returns a page of them, oldest first; an empty state means any. payload is how
// many bytes of each payload it has; of large ones a page has fewer than the limit, since
// a host shows up to 16 MiB at once. Errors: ErrLetterAsked, ErrNoConsumer, ErrNoInbox.
func (c *LettersClient) List(ctx context.Context, which Which, payload int) (page LettersPage, err error) {
	q := url.Values{"payload": {strconv.Itoa(payload)}, "state": {cmp.Or(which.State, "all")}}
	set := func(name, value string, given bool) {
		if given {
			q.Set(name, value)
		}
	}
	set("consumer", which.Consumer, which.Consumer != "")
	set("resource", which.Resource, which.Resource != "")
	set("after", strconv.FormatInt(which.After, 10), which.After != 0)
	if payload > 0 {
		which.Limit = min(cmp.Or(which.Limit, lettersByDefault), max(mostShown/payload, 1))
	}
	set("limit", strconv.Itoa(which.Limit), which.Limit != 0)
	ids := make([]string, len(which.IDs))
	for i, id := range which.IDs {
		ids[i] = strconv.FormatInt(id, 10)
	}
	set("ids", strings.Join(ids, ","), len(ids) > 0)
	return page, c.to(ctx, http.MethodGet, "?"+q.Encode(), nil, &page)
}

// Show returns one, with up to 1 MiB of its payload. Errors: ErrNoLetter, ErrNoInbox.
func (c *LettersClient) Show(ctx context.Context, id int64) (v LetterView, err error) {
	return v, c.to(ctx, http.MethodGet, "/"+strconv.FormatInt(id, 10)+"?payload="+strconv.Itoa(mostPayload), nil, &v)
}

// Redrive asks that some are handled again: all that the order names, or none. Those
// that are settled already come back as they are. Errors: ErrLetterAsked, ErrNoLetter,
// ErrNoConsumer, ErrLetterClosed (one was discarded, or nobody would handle it),
// ErrNoInbox; after any other nobody knows, and it may be asked again.
func (c *LettersClient) Redrive(ctx context.Context, o RedriveOrder) (page LettersPage, err error) {
	return page, c.to(ctx, http.MethodPost, "/redrive", o, &page)
}

// Discard closes one for good; it stays on record with the reason. Errors:
// ErrLetterAsked, ErrNoLetter, ErrLetterClosed, ErrNoInbox; after any other nobody
// knows, and it may be asked again.
func (c *LettersClient) Discard(ctx context.Context, id int64, reason string) (v LetterView, err error) {
	return v, c.to(ctx, http.MethodPost, "/"+strconv.FormatInt(id, 10)+"/discard", discarding{reason}, &v)
}

// Await looks at what Redrive has returned, again and again, until nothing of it is
// waiting any more, and calls each with what was settled, or with what failed once more
// and is open with its new reason. One that the host has no more, since its database was
// emptied meanwhile, is called in the state Gone. It returns what still waits when ctx ends; that all
// replicas are away for a while is waited out.
func (c *LettersClient) Await(ctx context.Context, asked []LetterView, every time.Duration, each func(LetterView)) (waiting []LetterView, err error) {
	waiting = slices.Clone(asked)
	for {
		left, last := c.look(ctx, waiting, each)
		if waiting = left; len(waiting) == 0 {
			return nil, nil
		}
		if sleep(ctx, every) != nil {
			return waiting, fmt.Errorf("wait until dead letters of %s are handled again: %w", c.cfg.Name, errors.Join(ctx.Err(), last))
		}
	}
}

// look asks once for each page of those that wait, and returns those that still do.
func (c *LettersClient) look(ctx context.Context, waiting []LetterView, each func(LetterView)) (left []LetterView, err error) {
	for part := range slices.Chunk(waiting, mostLetters) {
		which := Which{Limit: mostLetters}
		for _, v := range part {
			which.IDs = append(which.IDs, v.ID)
		}
		page, failed := c.List(ctx, which, 0)
		if failed != nil {
			left, err = append(left, part...), failed
			continue
		}
		left = append(left, met(part, page.Letters, each)...)
	}
	return left, err
}

// met calls each that waits no more, and returns those that do.
func met(asked, found []LetterView, each func(LetterView)) (left []LetterView) {
	now := make(map[int64]LetterView, len(found))
	for _, v := range found {
		now[v.ID] = v
	}
	for _, v := range asked {
		seen, there := now[v.ID]
		switch {
		case !there:
			v.State = Gone
			each(v)
		case seen.State == Redrive:
			left = append(left, seen)
		default:
			each(seen)
		}
	}
	return left
}

// lettersAnswer is the largest answer that is read: a full page with what is listed of
// each payload, its reason and its headers.
const lettersAnswer = 64 << 20

func (c *LettersClient) to(ctx context.Context, method, rest string, body, into any) error {
	answer, err := c.ask.Ask(ctx, replicas.Question{
		Method: method, Path: LettersPath + rest, Body: body, Within: c.cfg.Within, Limit: lettersAnswer,
	}, func(a replicas.Answer) bool { return replicas.Final(a) || letterErrorIn(a.Body) != nil })
	if err != nil {
		return fmt.Errorf("dead letters: %w", err)
	}
	if known, err := c.ask.Read(answer, into); known {
		return err
	}
	if err := letterErrorIn(answer.Body); err != nil {
		return fmt.Errorf("%s: %w", c.cfg.Name, err)
	}
	return fmt.Errorf("%s: %w (it answers %d at %s)", c.cfg.Name, ErrNoInbox, answer.Status, LettersPath)
}
