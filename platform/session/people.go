package session

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"banyan.dev/platform/session/store"
)

// SignIn begins a session of the user under a new token, ending the one the
// request came with, and sets the cookie. When it returns nil every store that has
// to has the session. Call it before the answer's first byte.
func (m *Manager) SignIn(ctx context.Context, userID string) error {
	visit, err := visitOf(ctx)
	if err != nil {
		return err
	}
	if userID == "" {
		return errors.New("sign in: the user's id is empty")
	}
	visit.mu.Lock()
	defer visit.mu.Unlock()
	ctx, cancel := bounded(ctx)
	defer cancel()
	v := m.gate.enter()
	defer m.gate.leave(v)
	visit.view = v
	if err := m.scs.RenewToken(ctx); err != nil { // revokes the session of before
		return m.failed("end the session of before", err)
	}
	now := m.cfg.Clock().UTC().Truncate(time.Millisecond)
	visit.record = store.Record{
		UserID: userID, CreatedAt: now, LastSeen: now, Deadline: now.Add(m.cfg.AbsoluteTimeout),
		UserAgent: visit.agent, Address: visit.address,
	}
	visit.live, visit.user, visit.dirty = false, nil, false
	m.scs.Remove(ctx, flashKey) // it was another person's, perhaps
	m.scs.SetDeadline(ctx, visit.record.Deadline)
	token, deadline, err := m.scs.Commit(ctx) // sets the record's hash
	if err != nil {
		return m.failed("sign in", err)
	}
	visit.live = true
	visit.cookie = &cookie{token: token, expires: deadline}
	return nil
}

// SignOut ends the request's session in every store and on every replica, and
// clears the cookie. Without a session it succeeds. Call it also when UserID says
// that nobody is signed in: that is how a sign-out that failed half way is repeated.
// ErrUnreachable means it cannot be promised yet; the cookie is then left, so that
// the client can ask again.
func (m *Manager) SignOut(ctx context.Context) error {
	visit, err := visitOf(ctx)
	if err != nil {
		return err
	}
	visit.mu.Lock()
	defer visit.mu.Unlock()
	if visit.record.Hash == "" {
		return nil
	}
	ctx, cancel := bounded(ctx)
	defer cancel()
	v := m.gate.enter()
	defer m.gate.leave(v)
	visit.view = v
	if visit.live {
		err = m.scs.Destroy(ctx)
	} else {
		err = m.revoke(ctx, v, []string{visit.record.Hash}, false)
	}
	if err != nil {
		return m.failed("sign out", err)
	}
	visit.forget()
	return nil
}

// revoke ends sessions here and, unless one store serves all, at every replica
// (the rule TellOthers). v is the view the sign-out began in, and stays entered
// until all have answered.
func (m *Manager) revoke(ctx context.Context, v *view, hashes []string, known bool) error {
	for _, hash := range hashes {
		if err := m.revokeHere(ctx, v, hash, known); err != nil {
			return err
		}
	}
	if v.mode().shared() {
		return nil
	}
	done := func(io.Reader) error { return nil }
	if err := m.peers.ask(ctx, revokePath, revokeQuestion{Hashes: hashes, Known: known}, done); err != nil {
		return fmt.Errorf("tell the sign-out to all replicas: %w", err)
	}
	return nil
}

// revokeHere ends a session in the stores of v, and in memory in any case: what
// began in a mode before may have put it there.
func (m *Manager) revokeHere(ctx context.Context, v *view, hash string, known bool) error {
	if err := v.store.Revoke(ctx, hash, known); err != nil {
		return err
	}
	return m.memory.Revoke(ctx, hash, known)
}

// List is the user's live sessions, newest first, wherever they are held.
func (m *Manager) List(ctx context.Context, userID string) ([]Info, error) {
	v := m.gate.enter()
	defer m.gate.leave(v)
	records, err := m.records(ctx, v, userID)
	if err != nil {
		return nil, err
	}
	current := ""
	if visit, err := visitOf(ctx); err == nil {
		current, _ = visit.session()
	}
	list := make([]Info, 0, len(records))
	for _, r := range records {
		list = append(list, Info{
			ID: publicID(r.Hash), Current: r.Hash == current, CreatedAt: r.CreatedAt, LastSeen: r.LastSeen,
			Expires: m.limits.Expires(r), UserAgent: r.UserAgent, Address: r.Address,
		})
	}
	slices.SortFunc(list, func(a, b Info) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// records is what List shows: of our store and, unless it serves all, of the peers'.
// A peer that does not answer is an error: a list that looks whole and is not
// would hide the session somebody is looking for.
func (m *Manager) records(ctx context.Context, v *view, userID string) (map[string]store.Record, error) {
	list, err := v.store.List(ctx, userID)
	if err != nil {
		return nil, m.failed("list sessions", err)
	}
	var mu sync.Mutex
	all := make(map[string]store.Record, len(list))
	add := func(records []store.Record) {
		mu.Lock()
		defer mu.Unlock()
		for _, r := range records {
			if here, ok := all[r.Hash]; !ok || r.LastSeen.After(here.LastSeen) {
				all[r.Hash] = r
			}
		}
	}
	add(list)
	if v.mode().shared() {
		return all, nil
	}
	err = m.peers.ask(ctx, listPath, listQuestion{UserID: userID}, func(body io.Reader) error {
		var theirs []store.Record
		if err := json.NewDecoder(body).Decode(&theirs); err != nil {
			return fmt.Errorf("read its list: %w", err)
		}
		add(theirs)
		return nil
	})
	if err != nil {
		return nil, m.failed("list sessions of all replicas", err)
	}
	return all, nil
}

// Revoke ends one of the user's sessions by the id that List gave. ErrNotFound if
// the user has none with it; ErrUnreachable as for SignOut.
func (m *Manager) Revoke(ctx context.Context, userID, id string) error {
	n, err := m.revokeWhere(ctx, userID, func(r store.Record) bool { return publicID(r.Hash) == id })
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// RevokeAll ends all of the user's sessions, the request's own among them. A
// sign-in under way at the same moment may survive: change the password first.
func (m *Manager) RevokeAll(ctx context.Context, userID string) error {
	_, err := m.revokeWhere(ctx, userID, func(store.Record) bool { return true })
	return err
}

func (m *Manager) revokeWhere(ctx context.Context, userID string, which func(store.Record) bool) (int, error) {
	ctx, cancel := bounded(ctx)
	defer cancel()
	v := m.gate.enter()
	defer m.gate.leave(v)
	records, err := m.records(ctx, v, userID)
	if err != nil {
		return 0, err
	}
	var hashes []string
	for hash, r := range records {
		if which(r) {
			hashes = append(hashes, hash)
		}
	}
	if len(hashes) == 0 {
		return 0, nil
	}
	if err := m.revoke(ctx, v, hashes, true); err != nil {
		return 0, m.failed("revoke sessions", err)
	}
	if visit, err := visitOf(ctx); err == nil {
		visit.forgetIf(hashes)
	}
	return len(hashes), nil
}

// failed counts an operation that a store or a peer failed, and names it.
func (m *Manager) failed(operation string, err error) error {
	m.metrics.failures.WithLabelValues(operation).Inc()
	return fmt.Errorf("%s: %w", operation, err)
}

// publicID derives the id that people see. The hash is not for them: it is the
// key of the session in every store.
func publicID(hash string) string {
	sum := sha256.Sum256([]byte("banyan session id\x00" + hash))
	return hex.EncodeToString(sum[:16])
}
