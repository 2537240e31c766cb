package session

import (
	"context"
	"errors"
	"net/http"
)

// Middleware gives each request its session: it reads the cookie and loads the
// session, once (with Redis: in one round trip), and writes the session before the
// first byte of the answer when it changed. Streams, flushing and hijacking work
// through it. A request without the cookie costs nothing. Within another
// Middleware of the same manager it does nothing.
func (m *Manager) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := visitOf(r.Context()); err == nil {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Add("Vary", "Cookie")
		visit := m.newVisit(r)
		ctx, err := m.scs.Load(context.WithValue(r.Context(), visitKey{}, visit), m.token(r))
		if err != nil {
			m.refuse(w, r, err)
			return
		}
		r = r.WithContext(ctx)
		sw := &writer{ResponseWriter: w, before: func() { m.finish(ctx, w, visit) }}
		next.ServeHTTP(sw, r)
		sw.begin() // a handler that wrote nothing
	})
}

// token is the request's token; "" when it cannot be one of ours, which spares the
// store the question.
func (m *Manager) token(r *http.Request) string {
	c, err := r.Cookie(m.scs.Cookie.Name)
	if err != nil || len(c.Value) != tokenLength {
		return ""
	}
	return c.Value
}

// tokenLength is that of 256 bits in base64 without padding.
const tokenLength = 43

// refuse answers when the store failed. Who has a cookie is not taken for a
// visitor: a page for visitors would look like a sign-out.
func (m *Manager) refuse(w http.ResponseWriter, r *http.Request, err error) {
	err = m.failed("load session", err)
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return // nobody waits for the answer
	}
	m.cfg.Logger.ErrorContext(r.Context(), "session not loaded", "error", err)
	if m.cfg.OnError != nil {
		m.cfg.OnError(w, r, err)
		return
	}
	w.Header().Set("Retry-After", "1")
	http.Error(w, "Sessions cannot be read at the moment. Try again.", http.StatusServiceUnavailable)
}

// finish writes what changed and sets the cookie, before the answer's first byte.
func (m *Manager) finish(ctx context.Context, w http.ResponseWriter, visit *visit) {
	visit.mu.Lock()
	defer visit.mu.Unlock()
	if visit.dirty && visit.live {
		m.commit(ctx, visit)
	}
	if visit.cookie != nil {
		m.scs.WriteSessionCookie(ctx, w, visit.cookie.token, visit.cookie.expires)
		visit.cookie = nil
	}
}

// commit writes what the session carries. Its failure costs a message on the next
// page, so the answer goes out all the same.
func (m *Manager) commit(ctx context.Context, visit *visit) {
	visit.dirty = false
	ctx, cancel := bounded(ctx)
	defer cancel()
	v := m.gate.enter()
	defer m.gate.leave(v)
	visit.view = v
	_, _, err := m.scs.Commit(ctx)
	if err != nil && !errors.Is(err, errGone) {
		m.cfg.Logger.WarnContext(ctx, "session not written", "error", m.failed("commit", err))
	}
}

// PutFlash keeps a message for the next page that asks for it. It is kept for
// people who are signed in only, and lost otherwise.
func (m *Manager) PutFlash(ctx context.Context, message string) {
	visit, err := visitOf(ctx)
	if err != nil {
		return
	}
	visit.mu.Lock()
	defer visit.mu.Unlock()
	if !visit.live {
		return
	}
	flash, _ := m.scs.Get(ctx, flashKey).([]string)
	m.scs.Put(ctx, flashKey, append(flash, message))
	visit.dirty = true
}

// PopFlash returns the messages kept, oldest first, and forgets them.
func (m *Manager) PopFlash(ctx context.Context) []string {
	visit, err := visitOf(ctx)
	if err != nil {
		return nil
	}
	visit.mu.Lock()
	defer visit.mu.Unlock()
	flash, _ := m.scs.Pop(ctx, flashKey).([]string)
	if visit.live && len(flash) > 0 {
		visit.dirty = true
	}
	return flash
}
