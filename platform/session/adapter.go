package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"

	"banyan.dev/platform/session/store"
)

// errGone: the session ended while the request was under way.
var errGone = errors.New("the session has ended")

// newSCS sets up the library that makes tokens, hashes them, renews them and
// writes the cookie. It has no idle timeout of its own: with one it would commit on
// each request, and a slow request that ends after the sign-out would bring the
// session back. Our stores note the use when they load.
//
// It is written out because scs.New starts a goroutine of a store we do not use,
// which cannot be stopped without a data race.
func newSCS(cfg Config, m *Manager) *scs.SessionManager {
	s := &scs.SessionManager{
		Store:            adapter{m},
		Codec:            codec{},
		HashTokenInStore: true,
		Lifetime:         cfg.AbsoluteTimeout,
		Cookie: scs.SessionCookie{
			Name: "banyan_session", Path: "/", HttpOnly: true, Secure: cfg.Secure,
			SameSite: http.SameSiteLaxMode, Persist: true,
		},
	}
	if cfg.Secure {
		s.Cookie.Name = "__Host-banyan_session"
	}
	return s
}

// adapter is the library's view of our stores. Its token arguments are hashes. It
// takes from the request's visit what the library has no words for: the view the
// operation began in, and the rest of the record.
type adapter struct{ m *Manager }

// FindCtx loads the session of a request.
func (a adapter) FindCtx(ctx context.Context, hash string) ([]byte, bool, error) {
	visit, err := visitOf(ctx)
	if err != nil {
		return nil, false, err
	}
	v := a.m.gate.enter()
	defer a.m.gate.leave(v)
	found, err := v.store.Load(ctx, hash)
	if err != nil {
		return nil, false, err
	}
	visit.mu.Lock()
	defer visit.mu.Unlock()
	visit.record.Hash = hash // kept even when nothing is found: see SignOut
	if found.State != store.Live {
		return nil, false, nil
	}
	visit.record, visit.live, visit.user = found.Record, true, found.User
	return found.Record.Data, true, nil
}

// CommitCtx writes a session: a new one when SignIn has prepared its record, else
// what the live one carries. It is called with the visit locked.
func (a adapter) CommitCtx(ctx context.Context, hash string, data []byte, _ time.Time) error {
	visit, err := visitOf(ctx)
	if err != nil {
		return err
	}
	if !visit.live {
		visit.record.Hash, visit.record.Data = hash, data
		return visit.view.store.Create(ctx, visit.record)
	}
	written, err := visit.view.store.Update(ctx, hash, data)
	if err == nil && !written {
		return errGone
	}
	return err
}

// DeleteCtx ends the live session of a request, everywhere. It is called with the
// visit locked.
func (a adapter) DeleteCtx(ctx context.Context, hash string) error {
	visit, err := visitOf(ctx)
	if err != nil {
		return err
	}
	return a.m.revoke(ctx, visit.view, []string{hash}, true)
}

// The library calls the methods with a context where there are some; these make
// adapter a scs.Store.

// Find is not used.
func (a adapter) Find(string) ([]byte, bool, error) { return nil, false, ErrNoSession }

// Commit is not used.
func (a adapter) Commit(string, []byte, time.Time) error { return ErrNoSession }

// Delete is not used.
func (a adapter) Delete(string) error { return ErrNoSession }

const flashKey = "flash"

// codec writes what a session carries as JSON, which a person can read in Redis
// and a later version can extend.
type codec struct{}

type payload struct {
	Deadline int64    `json:"deadline"` // Unix milliseconds
	Flash    []string `json:"flash,omitempty"`
}

// Encode implements scs.Codec.
func (codec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	flash, _ := values[flashKey].([]string)
	return json.Marshal(payload{Deadline: deadline.UnixMilli(), Flash: flash})
}

// Decode implements scs.Codec.
func (codec) Decode(data []byte) (time.Time, map[string]any, error) {
	var p payload
	if err := json.Unmarshal(data, &p); err != nil {
		return time.Time{}, nil, fmt.Errorf("read what the session carries: %w", err)
	}
	values := map[string]any{}
	if len(p.Flash) > 0 {
		values[flashKey] = p.Flash
	}
	return time.UnixMilli(p.Deadline).UTC(), values, nil
}
