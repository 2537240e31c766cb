package session

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"banyan.dev/platform/session/store"
)

// visit is what one request knows of its session.
type visit struct {
	agent, address string

	mu     sync.Mutex
	view   *view        // of the operation under way; scs cannot hand it through
	record store.Record // Hash is set as soon as a token came, known or not
	live   bool         // record is a live session
	user   []byte       // its user's record, once known
	dirty  bool         // to be written before the answer's first byte
	cookie *cookie      // to be set with the answer
}

// cookie is the cookie to set; an empty token clears it.
type cookie struct {
	token   string
	expires time.Time
}

type visitKey struct{}

func visitOf(ctx context.Context) (*visit, error) {
	if v, ok := ctx.Value(visitKey{}).(*visit); ok {
		return v, nil
	}
	return nil, ErrNoSession
}

// session is the hash of the live session and its user; both empty without one.
func (v *visit) session() (hash, userID string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.live {
		return "", ""
	}
	return v.record.Hash, v.record.UserID
}

// forget is called with mu held, after the session has ended.
func (v *visit) forget() {
	v.record, v.live, v.user, v.dirty = store.Record{}, false, nil, false
	v.cookie = &cookie{}
}

func (v *visit) forgetIf(hashes []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.live && slices.Contains(hashes, v.record.Hash) {
		v.forget()
	}
}

// UserID is who is signed in.
func (m *Manager) UserID(ctx context.Context) (string, bool) {
	visit, err := visitOf(ctx)
	if err != nil {
		return "", false
	}
	_, userID := visit.session()
	return userID, userID != ""
}

// newVisit notes of a request what a sign-in keeps, bounded: it is the client's
// to choose.
func (m *Manager) newVisit(r *http.Request) *visit {
	return &visit{agent: clip(r.UserAgent(), 256), address: clip(m.clientAddress(r), 64)}
}

func clip(s string, n int) string {
	if len(s) > n {
		return s[:n]
	}
	return s
}

func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return host
}
