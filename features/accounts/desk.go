package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/problem"
	"banyan.dev/platform/session"
)

// Desk is where people sign in and out: the use cases of accounts that touch
// sessions too, for the API and the pages alike. The context is the request's,
// under the session middleware. It is safe for concurrent use.
type Desk struct {
	accounts *Service
	sessions Sessions
	throttle *Throttle
}

// NewDesk returns the desk over the accounts, the sessions and the throttle that
// bounds guessing.
func NewDesk(accounts *Service, sessions Sessions, throttle *Throttle) *Desk {
	return &Desk{accounts, sessions, throttle}
}

// SignUp makes an account and signs its owner in. An idempotency key (may be empty)
// makes a retry harmless; its hash leaves the password out, which must not lie
// anywhere in a quick hash, so a replay proves the password again. Problems: those
// of Service.SignUp.
func (d *Desk) SignUp(ctx context.Context, in SignUp, key, address string) (a Account, replayed bool, err error) {
	var k httpkit.Key
	if key != "" {
		if k, err = httpkit.NewKey(key, "sign-up", in.Name, in.Email); err != nil {
			return Account{}, false, err
		}
	}
	a, replayed, err = d.accounts.SignUp(ctx, in, contracts.Key(k))
	if err != nil {
		return Account{}, false, err
	}
	if replayed {
		a, err = d.SignIn(ctx, in.Email, in.Password, address)
		if problem.Is(err, problem.BadCredentials) {
			err = problem.New(problem.KeyReused, "the key was used to sign up with another password")
		}
		return a, true, err
	}
	if err := d.sessions.SignIn(ctx, a.ID); err != nil {
		return Account{}, false, fmt.Errorf("begin session: %w", err)
	}
	return a, false, nil
}

// SignIn begins a session under a new token for who has the password. Each wrong
// password counts against the address and the account tried from it. Problems:
// BadCredentials; a *Throttled error after too many.
func (d *Desk) SignIn(ctx context.Context, email, password, address string) (Account, error) {
	attempt, err := d.throttle.Attempt(email, address)
	if err != nil {
		return Account{}, err
	}
	a, err := d.accounts.Authenticate(ctx, email, password)
	if err != nil {
		if !problem.Is(err, problem.BadCredentials) {
			attempt.Forget() // nothing was learnt of the password
		}
		return Account{}, err
	}
	attempt.Succeeded()
	if err := d.sessions.SignIn(ctx, a.ID); err != nil {
		return Account{}, fmt.Errorf("begin session: %w", err)
	}
	return a, nil
}

// SignOut ends the request's session, if there is one. session.ErrUnreachable when
// that can't be promised yet.
func (d *Desk) SignOut(ctx context.Context) error { return d.sessions.SignOut(ctx) }

// Sessions returns the viewer's sessions; Unauthenticated for a visitor.
func (d *Desk) Sessions(ctx context.Context) ([]session.Info, error) {
	v := contracts.ViewerFrom(ctx)
	if !v.SignedIn() {
		return nil, problem.New(problem.Unauthenticated, "sign in to see your sessions")
	}
	infos, err := d.sessions.List(ctx, v.ID)
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	if infos == nil {
		infos = []session.Info{} // [] in JSON, never null
	}
	return infos, nil
}

// Revoke ends one of the viewer's sessions. Unauthenticated; session.ErrNotFound
// and session.ErrUnreachable as the port returns them.
func (d *Desk) Revoke(ctx context.Context, id string) error {
	v := contracts.ViewerFrom(ctx)
	if !v.SignedIn() {
		return problem.New(problem.Unauthenticated, "sign in to end a session")
	}
	return d.sessions.Revoke(ctx, v.ID, id)
}

// Rename changes the viewer's name, everywhere at once. Problems: those of
// Service.Rename.
func (d *Desk) Rename(ctx context.Context, name string, version int) (Account, error) {
	a, err := d.accounts.Rename(ctx, contracts.ViewerFrom(ctx), name, version)
	return a, d.changed(ctx, a, err)
}

// SetRole changes somebody's role, everywhere at once. Problems: those of
// Service.SetRole.
func (d *Desk) SetRole(ctx context.Context, id string, role contracts.Role) (Account, error) {
	a, err := d.accounts.SetRole(ctx, contracts.ViewerFrom(ctx), id, role)
	return a, d.changed(ctx, a, err)
}

// changed makes every replica forget the cached record. That it can't is an error:
// somebody whose role was taken would keep it.
func (d *Desk) changed(ctx context.Context, a Account, err error) error {
	if err != nil {
		return err
	}
	if err := d.sessions.InvalidateUser(ctx, a.ID); err != nil {
		return fmt.Errorf("invalidate user record: %w", err)
	}
	return nil
}

// record is what is cached of an account with its sessions.
type record struct {
	ID      string         `json:"id"`
	Name    string         `json:"name"`
	Role    contracts.Role `json:"role"`
	Version int            `json:"version"`
}

// Record returns an account as sessions cache it, or nil when there is none: what
// session.Config.LoadUser asks for.
func (s *Service) Record(ctx context.Context, id string) ([]byte, error) {
	a, err := s.store.ByID(ctx, id)
	if problem.Is(err, problem.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("find account: %w", err)
	}
	return json.Marshal(record{ID: a.ID, Name: a.Name, Role: a.Role, Version: a.Version})
}

// viewerOf reads a cached record.
func viewerOf(cached []byte) (contracts.Viewer, error) {
	var r record
	if err := json.Unmarshal(cached, &r); err != nil {
		return contracts.Viewer{}, fmt.Errorf("read user record: %w", err)
	}
	if r.ID == "" {
		return contracts.Viewer{}, errors.New("read user record: it has no id")
	}
	return contracts.Viewer{Person: contracts.Person{ID: r.ID, Name: r.Name}, Role: r.Role}, nil
}
