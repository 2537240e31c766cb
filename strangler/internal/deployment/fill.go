package deployment

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// fill does what a run was begun with, unless it is done: bringing it up may have been
// cut off after it.
func (r *Run) fill(ctx context.Context) error {
	f := &r.state.Filling
	if f.Done || f.Posts == 0 {
		return nil
	}
	r.progress("filling the blog")
	if err := r.SeedBlog(ctx, f.Posts, f.Seed); err != nil {
		return err
	}
	f.Done = true
	return r.save()
}

// SeedBlog fills the blog with so many posts, with comments and authors in
// proportion, the same for the same seed. No posts is nothing to do. Seeded accounts
// have a password that everybody can read, so a database that the user gave is only
// filled when nobody has an account there, or when the user asked for it.
func (r *Run) SeedBlog(ctx context.Context, posts int, seed int64) error {
	if posts == 0 {
		return nil
	}
	flags := []string{"--posts", fmt.Sprint(posts), "--comments", fmt.Sprint(posts * 3),
		"--users", fmt.Sprint(max(3, posts/10)), "--seed", fmt.Sprint(seed)}
	switch x := r.state.External; {
	case x.Postgres == "":
	case x.Fill:
		r.progress("the database of --postgres-url gets seeded posts, as --posts asks, by accounts whose password everybody can read")
	default:
		r.progress("the database of --postgres-url is only filled if nobody has an account there; --posts fills it anyway, with accounts whose password everybody can read")
		flags = append(flags, "--only-empty")
	}
	for _, name := range sortedKeys(r.path.Processes) {
		if p := r.path.Processes[name]; len(p.Seed) > 0 {
			return r.once(ctx, name, append(slices.Clone(p.Seed), flags...))
		}
	}
	return nil
}

// EnsureModerator makes the account that the acceptance suite moderates with,
// once: a new account, which the host's own command then gives the role.
func (r *Run) EnsureModerator(ctx context.Context) error {
	if r.state.Moderator.Email != "" {
		return nil
	}
	m := Moderator{Email: "moderator-" + strings.ToLower(rand.Text()[:8]) + "@banyan.example", Password: rand.Text()}
	if err := r.signUp(ctx, m); err != nil {
		return fmt.Errorf("make the moderator's account: %w", err)
	}
	if err := r.giveRole(ctx, m.Email, "moderator"); err != nil {
		return err
	}
	r.state.Moderator = m
	return r.save()
}

// signUpWithin is more than a question of the tool's own may take: a sign-up hashes a
// password, and waits its turn among the users who do.
const signUpWithin = 15 * time.Second

func (r *Run) signUp(ctx context.Context, m Moderator) error {
	body, err := json.Marshal(map[string]string{"name": "Mona Moderator", "email": m.Email, "password": m.Password})
	if err != nil {
		return fmt.Errorf("write the request: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.EntryURL()+"/api/v1/accounts", bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	patient := *r.client
	patient.Timeout = signUpWithin
	res, err := patient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<16))
	if err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if res.StatusCode != http.StatusCreated {
		return fmt.Errorf("%s answers %s: %s", req.URL, res.Status, text)
	}
	return nil
}

func (r *Run) giveRole(ctx context.Context, email, role string) error {
	for _, name := range sortedKeys(r.path.Processes) {
		if p := r.path.Processes[name]; len(p.Role) > 0 {
			return r.once(ctx, name, append(slices.Clone(p.Role), email, role))
		}
	}
	return fmt.Errorf("no process in processes.yaml has a role command")
}

// Moderator is the account that the acceptance suite moderates with; empty before
// EnsureModerator.
func (r *Run) Moderator() Moderator { return r.state.Moderator }
