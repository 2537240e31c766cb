package peers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/call"
	"banyan.dev/platform/identity"
	"banyan.dev/platform/problem"
)

// tokenLife is how long what this host signs for itself is good: clocks may differ.
const tokenLife = 30 * time.Second

// Monolith asks the monolith for itself, as a service of the house. It is safe for
// concurrent use.
type Monolith struct {
	client *call.Client
	keys   identity.Keys
	name   string
	now    func() time.Time
}

// NewMonolith returns the adapter; name is this host's.
func NewMonolith(client *call.Client, keys identity.Keys, name string, now func() time.Time) *Monolith {
	return &Monolith{client, keys, name, now}
}

var (
	_ comments.Posts      = (*Monolith)(nil)
	_ comments.Moderation = (*Monolith)(nil)
)

// Published is comments.Posts'.
func (m *Monolith) Published(ctx context.Context, id string) (comments.Post, error) {
	if !contracts.IsID(id) {
		return comments.Post{}, problem.New(problem.NotFound, "there is no post %s", id)
	}
	var post struct {
		ID       string `json:"id"`
		Title    string `json:"title"`
		AuthorID string `json:"author_id"`
	}
	err := m.ask(ctx, call.Request{Method: http.MethodGet, Path: "/internal/posts/" + url.PathEscape(id)}, nil, &post)
	if err != nil {
		return comments.Post{}, err
	}
	if post.ID != id {
		return comments.Post{}, fmt.Errorf("%s answered with post %q where %s was asked for", m.client.Name(), post.ID, id)
	}
	return comments.Post{ID: post.ID, Title: post.Title, AuthorID: post.AuthorID}, nil
}

// Judge is comments.Moderation's. To ask twice does no harm: the rules keep nothing.
func (m *Monolith) Judge(ctx context.Context, text string) (contracts.Verdict, error) {
	var verdict struct {
		Status contracts.CommentStatus `json:"status"`
		Reason string                  `json:"reason"`
	}
	in := struct {
		Text string `json:"text"`
	}{text}
	err := m.ask(ctx, call.Request{Method: http.MethodPost, Path: "/internal/verdicts", Repeatable: true}, in, &verdict)
	if err != nil {
		return contracts.Verdict{}, err
	}
	switch verdict.Status {
	case contracts.Approved, contracts.Pending, contracts.Rejected:
		return contracts.Verdict{Status: verdict.Status, Reason: verdict.Reason}, nil
	}
	return contracts.Verdict{}, fmt.Errorf("%s gave the verdict %q, which is none", m.client.Name(), verdict.Status)
}

// names are those of at most askAtOnce people.
func (m *Monolith) names(ctx context.Context, ids []string) (map[string]string, error) {
	var people struct {
		Names map[string]string `json:"names"`
	}
	path := "/internal/people?" + url.Values{"id": ids}.Encode()
	err := m.ask(ctx, call.Request{Method: http.MethodGet, Path: path}, nil, &people)
	return people.Names, err
}

// Check asks for nobody's name: whether the monolith is there, and takes this host for
// what it is.
func (m *Monolith) Check(ctx context.Context) error {
	_, err := m.names(ctx, nil)
	return err
}

// ask signs the question, and keeps problems to itself that are between the two hosts:
// who asked this one has not done anything wrong when the other one refuses us.
func (m *Monolith) ask(ctx context.Context, r call.Request, in, out any) error {
	token, err := m.keys.Sign(identity.Service(m.name), m.now(), tokenLife)
	if err != nil {
		return fmt.Errorf("ask %s: %w", m.client.Name(), err)
	}
	r.Header = http.Header{identity.Header: {token}}
	_, err = m.client.Ask(ctx, r, in, out)
	var p *problem.Error
	switch {
	case err == nil:
		return nil
	case !errors.As(err, &p):
		return fmt.Errorf("%s %s of %s: %w", r.Method, r.Path, m.client.Name(), err)
	case p.Kind == problem.NotFound:
		return err
	case p.Kind == problem.Forbidden:
		return fmt.Errorf("%s refuses this host: give both the same IDENTITY_KEY (%s)", m.client.Name(), p.Detail)
	}
	return fmt.Errorf("%s %s of %s was refused: %s, %s", r.Method, r.Path, m.client.Name(), p.Kind, p.Detail)
}
