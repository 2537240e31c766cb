package pagestest

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/session"
)

const cookieName = "banyan_session"

// sessions is a session store as simple as can be. It is safe for concurrent use.
type sessions struct {
	mu   sync.Mutex
	all  map[string]*held // by token
	load func(ctx context.Context, id string) ([]byte, error)
}

type held struct {
	info    session.Info
	user    string
	flashes []string
}

// request is what the middleware puts into a request's context.
type request struct {
	token, agent string
	w            http.ResponseWriter
}

type requestKey struct{}

func newSessions() *sessions { return &sessions{all: map[string]*held{}} }

func (s *sessions) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		of := &request{w: w, agent: r.UserAgent()}
		if cookie, err := r.Cookie(cookieName); err == nil {
			of.token = cookie.Value
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestKey{}, of)))
	})
}

// of returns the request's session, or nil. The lock is held by who calls.
func (s *sessions) of(ctx context.Context) (*request, *held) {
	r, _ := ctx.Value(requestKey{}).(*request)
	if r == nil {
		return nil, nil
	}
	return r, s.all[r.token]
}

func (s *sessions) SignIn(ctx context.Context, userID string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, _ := s.of(ctx)
	delete(s.all, r.token)
	now := time.Now()
	r.token = contracts.NewID()
	s.all[r.token] = &held{user: userID, info: session.Info{
		ID: contracts.NewID(), CreatedAt: now, LastSeen: now, Expires: now.Add(time.Hour), UserAgent: r.agent, Address: "192.0.2.7",
	}}
	http.SetCookie(r.w, &http.Cookie{Name: cookieName, Value: r.token, Path: "/", HttpOnly: true})
	return nil
}

func (s *sessions) SignOut(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, _ := s.of(ctx); r != nil {
		delete(s.all, r.token)
		http.SetCookie(r.w, &http.Cookie{Name: cookieName, Path: "/", MaxAge: -1})
	}
	return nil
}

func (s *sessions) List(ctx context.Context, userID string) ([]session.Info, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var infos []session.Info
	_, current := s.of(ctx)
	for _, h := range s.all {
		if h.user == userID {
			info := h.info
			info.Current = h == current
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b session.Info) int { return b.CreatedAt.Compare(a.CreatedAt) })
	return infos, nil
}

func (s *sessions) Revoke(_ context.Context, userID, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.all)
	maps.DeleteFunc(s.all, func(_ string, h *held) bool { return h.user == userID && h.info.ID == id })
	if len(s.all) == before {
		return session.ErrNotFound
	}
	return nil
}

func (s *sessions) InvalidateUser(context.Context, string) error { return nil }

func (s *sessions) User(ctx context.Context) ([]byte, bool, error) {
	s.mu.Lock()
	_, h := s.of(ctx)
	s.mu.Unlock()
	if h == nil {
		return nil, false, nil
	}
	record, err := s.load(ctx, h.user)
	return record, record != nil, err
}

func (s *sessions) PutFlash(ctx context.Context, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, h := s.of(ctx); h != nil {
		h.flashes = append(h.flashes, message)
	}
}

func (s *sessions) PopFlash(ctx context.Context) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, h := s.of(ctx)
	if h == nil {
		return nil
	}
	messages := h.flashes
	h.flashes = nil
	return messages
}

func (s *sessions) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.all)
}
