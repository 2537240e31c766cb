package session

import (
	"context"
	"errors"

	"banyan.dev/platform/session/store"
)

// User is the record of who is signed in: the one that came with the session in
// the same round trip, else LoadUser's, read once per request. ok is false when
// nobody is signed in or the user is no more.
func (m *Manager) User(ctx context.Context) (record []byte, ok bool, err error) {
	visit, err := visitOf(ctx)
	if err != nil {
		return nil, false, nil
	}
	visit.mu.Lock()
	defer visit.mu.Unlock()
	if !visit.live {
		return nil, false, nil
	}
	if visit.user == nil {
		visit.user, err = m.loadUser(ctx, visit.record.UserID)
	}
	return visit.user, visit.user != nil, err
}

// loadUser reads the record where it is true, and caches it if that is asked for.
// A cache that fails is passed by: the record is there.
func (m *Manager) loadUser(ctx context.Context, userID string) ([]byte, error) {
	if m.cfg.LoadUser == nil {
		return nil, errors.New("load user: the host gave no LoadUser")
	}
	v := m.gate.enter()
	defer m.gate.leave(v)
	since := m.cfg.Clock()
	record, err := m.cfg.LoadUser(ctx, userID)
	if err != nil {
		return nil, m.failed("load user", err)
	}
	if v.users != nil {
		m.warn(ctx, v.users.Keep(ctx, userID, record, since))
	}
	return record, nil
}

func (m *Manager) warn(ctx context.Context, err error) {
	if err != nil {
		m.cfg.Logger.WarnContext(ctx, "user cache failed; the record comes from the database", "error", err)
	}
}

// InvalidateUser makes every replica read the user's record anew. Call it after
// the change is committed. Without Redis it does nothing. If it fails, other
// replicas may show the old record for up to a minute.
func (m *Manager) InvalidateUser(ctx context.Context, userID string) error {
	if visit, err := visitOf(ctx); err == nil {
		visit.mu.Lock()
		if visit.record.UserID == userID {
			visit.user = nil
		}
		visit.mu.Unlock()
	}
	v := m.gate.enter()
	defer m.gate.leave(v)
	// Also with the cache off here: while it is being turned on, others have it on.
	if v.users == nil && !v.mode().UsesRedis() {
		return nil
	}
	if err := store.NewUsers(v.client, v.settings.Generation, m.cfg.Clock).Invalidate(ctx, userID); err != nil {
		return m.failed("invalidate user", err)
	}
	return nil
}
