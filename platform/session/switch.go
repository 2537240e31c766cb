package session

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"banyan.dev/platform/session/store"
)

// Apply asks for settings. It returns at once; the switch happens behind it, is
// repeated until it succeeds, and is reported by Status. Settings that cannot be
// reached from the last ones asked for (memory to redis, another Redis while
// sessions are in one) are refused with an error and change nothing; Status gives
// the reason.
func (m *Manager) Apply(s Settings) error {
	s.Mode, s.Generation = cmp.Or(s.Mode, Memory), cmp.Or(s.Generation, 1)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.reachable(s); err != nil {
		m.refused = fmt.Sprintf("revision %d refused: %v", s.Revision, err)
		m.cfg.Logger.Error("session settings refused", "revision", s.Revision, "error", err)
		return err
	}
	m.refused = ""
	m.wanted = s
	if s.Mode.UsesRedis() {
		m.highest = max(m.highest, s.Generation)
	}
	m.queue = append(m.queue, s)
	m.peers.set(s.Peers) // at once: a switch may be waiting for a peer that is gone
	select {
	case m.wake <- struct{}{}:
	default:
	}
	return nil
}

// reachable says why s cannot follow the settings wanted so far.
func (m *Manager) reachable(s Settings) error {
	if err := s.check(); err != nil {
		return err
	}
	from := m.wanted
	if len(s.Peers) > 0 && m.cfg.AdminToken == "" {
		return fmt.Errorf("session.peers are set but ADMIN_TOKEN is empty: set it to the same secret for all replicas")
	}
	if s.Mode != from.Mode {
		if s.Mode == Postgres || from.Mode == Postgres {
			return fmt.Errorf("session.store %q cannot follow %q: postgres is fixed while the process runs", s.Mode, from.Mode)
		}
		if after[from.Mode] != s.Mode {
			return fmt.Errorf("session.store %q cannot follow %q without signing people out: next is %q", s.Mode, from.Mode, after[from.Mode])
		}
	}
	// Without a fresh generation, who signed out while sessions lived in memory
	// rises from the copy of the way before (the rule FreshGeneration).
	if from.Mode == Memory && s.Mode == Dual && s.Generation <= m.highest {
		return fmt.Errorf("session.generation %d was used before: use %d or more", s.Generation, m.highest+1)
	}
	if from.Mode.UsesRedis() && s.Mode.UsesRedis() && (s.Generation != from.Generation || s.RedisURL != from.RedisURL) {
		return fmt.Errorf("session.generation and redis.url cannot change while sessions are in Redis: keep generation %d", from.Generation)
	}
	return nil
}

// work takes one accepted settings after another, each to its end.
func (m *Manager) work(ctx context.Context) {
	m.settle(ctx, m.gate.peek())
	for {
		next, ok := m.next()
		if ok {
			m.move(ctx, next)
		}
		if ctx.Err() != nil {
			return
		}
		if ok {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-m.wake:
		}
	}
}

func (m *Manager) next() (Settings, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.queue) == 0 {
		return Settings{}, false
	}
	return m.queue[0], true
}

// move brings s into force and does what its mode asks for. It returns early only
// when ctx ends.
func (m *Manager) move(ctx context.Context, s Settings) {
	from := m.gate.peek()
	if from.mode() == Load && s.Mode == Memory {
		// Before the switch: memory knows no tombstones, so from then on it must hold
		// nothing that has one (the rule DropTombstoned). What is revoked from here on
		// is told to this replica too and goes from its memory directly.
		if !m.insist(ctx, "drop what was signed out", func() error { return m.dropRevoked(ctx, from) }) {
			return
		}
	}
	to, err := m.flip(s)
	if err != nil { // cannot be: Apply has checked the address
		m.explain(err.Error())
		return
	}
	m.explain("waiting for what began in the mode before to end")
	select {
	case <-from.drained:
	case <-ctx.Done():
		return
	}
	to.ready.Store(true)
	if from.client != nil && from.client != to.client {
		_ = from.client.Close() // nobody uses it any more, so nothing is lost
	}
	m.settle(ctx, to)
}

// flip puts s in force. Operations that began before go on in the view they have.
func (m *Manager) flip(s Settings) (*view, error) {
	to, err := m.newView(s, m.gate.peek())
	if err != nil {
		return nil, err
	}
	m.gate.swap(to)
	m.mu.Lock()
	if len(m.queue) > 0 {
		m.queue = m.queue[1:]
	}
	m.mu.Unlock()
	return to, nil
}

// settle does what is to do in a mode once all that began before has ended.
func (m *Manager) settle(ctx context.Context, v *view) {
	if v.mode().UsesRedis() && !m.insist(ctx, "reach Redis", func() error { return ping(ctx, v) }) {
		return
	}
	if v.mode() == Redis {
		m.memory.Clear()
	}
	moved := m.insist(ctx, "move sessions", func() error {
		records, err := m.look(ctx, v)
		if err != nil {
			return err
		}
		return m.write(ctx, v, records)
	})
	if !moved {
		return
	}
	v.settled.Store(true)
	m.explain("")
	m.cfg.Logger.InfoContext(ctx, "session store in force", "store", v.mode(), "revision", v.settings.Revision,
		"generation", v.settings.Generation, "sessions", m.memory.Len())
}

// look takes what a mode has to move: in dual what this replica holds, in load what
// Redis holds.
func (m *Manager) look(ctx context.Context, v *view) ([]store.Record, error) {
	switch v.mode() {
	case Dual:
		return m.memory.Snapshot(), nil
	case Load:
		var all []store.Record
		err := v.remote.All(ctx, func(part []store.Record) { all = append(all, part...) })
		return all, err
	default:
		return nil, nil
	}
}

// write moves what look has taken. What was signed out since is stopped by its
// tombstone: in Redis at once, in memory by every read until dropRevoked.
func (m *Manager) write(ctx context.Context, v *view, records []store.Record) error {
	if v.mode() == Dual {
		return v.remote.Copy(ctx, records)
	}
	for _, r := range records {
		m.memory.Add(r)
	}
	return nil
}

// dropRevoked takes from memory what has a tombstone in v's Redis.
func (m *Manager) dropRevoked(ctx context.Context, v *view) error {
	records := m.memory.Snapshot()
	hashes := make([]string, len(records))
	for i, r := range records {
		hashes[i] = r.Hash
	}
	revoked, err := v.remote.Revoked(ctx, hashes)
	if err != nil {
		return err
	}
	for _, hash := range revoked {
		if err := m.memory.Revoke(ctx, hash, true); err != nil {
			return err
		}
	}
	return nil
}

func ping(ctx context.Context, v *view) error {
	if err := v.client.Ping(ctx).Err(); err != nil {
		return fmt.Errorf("redis at %s: %w", v.client.Options().Addr, err)
	}
	return nil
}

// insist repeats f until it succeeds, telling why it does not. It is false when
// ctx ended first.
func (m *Manager) insist(ctx context.Context, what string, f func() error) bool {
	for wait := 50 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := f()
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		m.explain(fmt.Sprintf("%s: %v; tried again", what, err))
		m.cfg.Logger.WarnContext(ctx, "session store cannot settle yet", "step", what, "error", err)
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}

func (m *Manager) explain(doing string) {
	m.mu.Lock()
	m.doing = doing
	m.mu.Unlock()
}

// Status is what the admin port reports.
func (m *Manager) Status() Status {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := m.gate.peek()
	reason := cmp.Or(m.refused, m.doing)
	settled := v.settled.Load() && len(m.queue) == 0 && m.refused == ""
	if !settled && reason == "" {
		reason = "the switch has just been asked for"
	}
	if settled {
		reason = ""
	}
	return Status{
		Replica: m.cfg.Replica, Revision: v.settings.Revision, Store: v.mode(), Generation: v.settings.Generation,
		Settled: settled, Sessions: m.memory.Len(), Mismatches: m.metrics.mismatches.Load(), Reason: reason,
	}
}
