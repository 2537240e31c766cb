package store

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Memory keeps records in this process. It needs no tombstones of its own: it is
// one map under one lock, and Update never inserts. One lock is enough: an
// operation holds it for well under a microsecond.
type Memory struct {
	limits Limits

	mu     sync.Mutex
	byHash map[string]Record
	byUser map[string]map[string]struct{} // user -> hashes
}

// NewMemory returns an empty store. It starts no goroutine; somebody calls Sweep.
func NewMemory(limits Limits) *Memory {
	return &Memory{limits: limits, byHash: map[string]Record{}, byUser: map[string]map[string]struct{}{}}
}

// Create implements Store.
func (m *Memory) Create(_ context.Context, r Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(r)
	return nil
}

// Load implements Store.
func (m *Memory) Load(_ context.Context, hash string) (Found, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.limits.now()
	r, ok := m.live(hash, now)
	if !ok {
		return Found{}, nil
	}
	if now.Sub(r.LastSeen) >= m.limits.touchEvery() {
		r.LastSeen = now
		m.byHash[hash] = r
	}
	return Found{State: Live, Record: r}, nil
}

// Update implements Store.
func (m *Memory) Update(_ context.Context, hash string, data []byte) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.live(hash, m.limits.now())
	if !ok {
		return false, nil
	}
	r.Data = slices.Clone(data)
	m.byHash[hash] = r
	return true, nil
}

// Revoke implements Store.
func (m *Memory) Revoke(_ context.Context, hash string, _ bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remove(hash)
	return nil
}

// List implements Store.
func (m *Memory) List(_ context.Context, userID string) ([]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.limits.now()
	var list []Record
	for hash := range m.byUser[userID] {
		if r, ok := m.live(hash, now); ok {
			list = append(list, r)
		}
	}
	return list, nil
}

// Sweep implements Store.
func (m *Memory) Sweep(context.Context) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, swept := m.limits.now(), 0
	for hash, r := range m.byHash {
		if !m.limits.live(r, now) {
			m.remove(hash)
			swept++
		}
	}
	return swept, nil
}

// Len is how many records are held, expired ones that were not yet swept included.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.byHash)
}

// Snapshot is all live records at this moment.
func (m *Memory) Snapshot() []Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.limits.now()
	all := make([]Record, 0, len(m.byHash))
	for _, r := range m.byHash {
		if m.limits.live(r, now) {
			all = append(all, r)
		}
	}
	return all
}

// Add takes a record from elsewhere. A record that is already here keeps its
// value, and lives as long as the longer-lived of the two.
func (m *Memory) Add(r Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	here, ok := m.byHash[r.Hash]
	if !ok {
		m.put(r)
		return
	}
	if r.LastSeen.After(here.LastSeen) {
		here.LastSeen = r.LastSeen
		m.byHash[r.Hash] = here
	}
}

// Clear forgets everything.
func (m *Memory) Clear() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.byHash)
	clear(m.byUser)
}

// get returns a live record without noting a use.
func (m *Memory) get(hash string) (Record, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live(hash, m.limits.now())
}

// live, put and remove are called with the lock held.
func (m *Memory) live(hash string, now time.Time) (Record, bool) {
	r, ok := m.byHash[hash]
	if !ok || !m.limits.live(r, now) {
		return Record{}, false
	}
	return r, true
}

func (m *Memory) put(r Record) {
	r.Data = slices.Clone(r.Data)
	m.byHash[r.Hash] = r
	if m.byUser[r.UserID] == nil {
		m.byUser[r.UserID] = map[string]struct{}{}
	}
	m.byUser[r.UserID][r.Hash] = struct{}{}
}

func (m *Memory) remove(hash string) {
	r, ok := m.byHash[hash]
	if !ok {
		return
	}
	delete(m.byHash, hash)
	delete(m.byUser[r.UserID], hash)
	if len(m.byUser[r.UserID]) == 0 {
		delete(m.byUser, r.UserID)
	}
}
