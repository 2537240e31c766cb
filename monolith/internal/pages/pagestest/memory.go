package pagestest

import (
	"context"
	"strings"
	"sync"
	"time"

	"banyan.dev/features/accounts"
	"banyan.dev/features/contracts"
	"banyan.dev/features/moderation"
	"banyan.dev/features/notifications"
	"banyan.dev/features/posts"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// memory is all tables. It is safe for concurrent use.
type memory struct {
	mu         sync.Mutex
	broken     error
	silent     bool // comments don't answer
	afterDoing bool // what they are asked to write
	accounts   []*accounts.Account
	posts      []*contracts.Post
	comments   []*contracts.Comment
	rules      []moderation.Rule
	reasons    map[string]string // of held comments
	notices    map[string][]*notifications.Notification
	covers     map[string]posts.Cover
	deleted    map[string]string // what is gone, and whose it was
	keys       map[string]keyed
}

// keyed is what came of a write with a key.
type keyed struct {
	hash [32]byte
	id   string
}

func newMemory() *memory {
	return &memory{
		reasons: map[string]string{}, notices: map[string][]*notifications.Notification{}, covers: map[string]posts.Cover{},
		deleted: map[string]string{}, keys: map[string]keyed{},
	}
}

func (m *memory) breakDown(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

// begin takes the lock; end gives it back.
func (m *memory) begin() (end func(), err error) {
	m.mu.Lock()
	return m.mu.Unlock, m.broken
}

// replay finds what a key made before, or notes what it makes now.
func (m *memory) replay(who string, key contracts.Key, id string) (made string, replayed bool, err error) {
	if !key.Given() {
		return id, false, nil
	}
	before, ok := m.keys[who+" "+key.Value]
	switch {
	case ok && before.hash != key.Hash:
		return "", false, problem.New(problem.KeyReused, "the key was used for another request")
	case ok:
		return before.id, true, nil
	}
	m.keys[who+" "+key.Value] = keyed{key.Hash, id}
	return id, false, nil
}

// find returns a row by its id, or NotFound.
func find[T any](rows []*T, id string, idOf func(*T) string) (*T, error) {
	for _, row := range rows {
		if idOf(row) == id {
			return row, nil
		}
	}
	return nil, problem.New(problem.NotFound, "there is nothing with the id %s", id)
}

func accountID(a *accounts.Account) string  { return a.ID }
func postID(p *contracts.Post) string       { return p.ID }
func commentID(c *contracts.Comment) string { return c.ID }

func stale() error { return problem.New(problem.VersionMismatch, "it has another version by now") }

// cut makes a page of rows that are in their order already.
func cut[T any](rows []T, page paging.Page, id func(T) string) (paging.List[T], error) {
	place, ok, err := page.Start()
	if err != nil {
		return paging.List[T]{}, err
	}
	if ok {
		for i, row := range rows {
			if id(row) == place.ID {
				rows = rows[i+1:]
				break
			}
		}
	}
	return paging.Cut(rows, page.Limit, func(row T) paging.Place { return paging.Place{ID: id(row)} }), nil
}

func (m *memory) nameOf(p contracts.Person) contracts.Person {
	if a, err := find(m.accounts, p.ID, accountID); err == nil {
		p.Name = a.Name
	}
	return p
}

type accountStore struct{ *memory }

func (s accountStore) Create(_ context.Context, a accounts.Account, key contracts.Key) (accounts.Account, bool, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return accounts.Account{}, false, err
	}
	id, replayed, err := s.replay("sign-up", key, a.ID)
	if err != nil {
		return accounts.Account{}, false, err
	}
	if replayed {
		made, err := find(s.accounts, id, accountID)
		return *made, true, err
	}
	for _, other := range s.accounts {
		if strings.EqualFold(other.Email, a.Email) {
			return accounts.Account{}, false, problem.New(problem.EmailTaken, "%s has an account", a.Email)
		}
	}
	s.accounts = append(s.accounts, &a)
	return a, false, nil
}

func (s accountStore) ByID(_ context.Context, id string) (accounts.Account, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return accounts.Account{}, err
	}
	a, err := find(s.accounts, id, accountID)
	if err != nil {
		return accounts.Account{}, err
	}
	return *a, nil
}

func (s accountStore) ByEmail(_ context.Context, email string) (accounts.Account, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return accounts.Account{}, err
	}
	a, err := find(s.accounts, strings.ToLower(email), func(a *accounts.Account) string { return strings.ToLower(a.Email) })
	if err != nil {
		return accounts.Account{}, err
	}
	return *a, nil
}

func (s accountStore) Update(_ context.Context, a accounts.Account) (accounts.Account, error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return accounts.Account{}, err
	}
	row, err := find(s.accounts, a.ID, accountID)
	if err != nil {
		return accounts.Account{}, err
	}
	if row.Version != a.Version {
		return accounts.Account{}, stale()
	}
	row.Name, row.Role, row.Version = a.Name, a.Role, a.Version+1
	return *row, nil
}

type noticeStore struct{ *memory }

func (s noticeStore) List(_ context.Context, userID string, page paging.Page) (paging.List[notifications.Notification], error) {
	end, err := s.begin()
	defer end()
	if err != nil {
		return paging.List[notifications.Notification]{}, err
	}
	var rows []notifications.Notification
	for _, n := range s.notices[userID] {
		rows = append([]notifications.Notification{*n}, rows...)
	}
	return cut(rows, page, func(n notifications.Notification) string { return n.ID })
}

func (s noticeStore) Unread(_ context.Context, userID string) (int, error) {
	end, err := s.begin()
	defer end()
	n := 0
	for _, notice := range s.notices[userID] {
		if notice.ReadAt == nil {
			n++
		}
	}
	return n, err
}

func (s noticeStore) Since(_ context.Context, userID, id string, limit int) ([]notifications.Notification, error) {
	end, err := s.begin()
	defer end()
	var rows []notifications.Notification
	for _, n := range s.notices[userID] {
		if n.ID > id && len(rows) < limit {
			rows = append(rows, *n)
		}
	}
	return rows, err
}

func (s noticeStore) MarkRead(_ context.Context, userID, id string, at time.Time) error {
	end, err := s.begin()
	defer end()
	if err != nil {
		return err
	}
	n, err := find(s.notices[userID], id, func(n *notifications.Notification) string { return n.ID })
	if err == nil && n.ReadAt == nil {
		n.ReadAt = &at
	}
	return err
}

func (s noticeStore) MarkAllRead(_ context.Context, userID string, at time.Time) error {
	end, err := s.begin()
	defer end()
	for _, n := range s.notices[userID] {
		n.ReadAt = &at
	}
	return err
}
