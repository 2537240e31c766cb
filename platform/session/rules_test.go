package session

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/session/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Each test here is the trace that the model's checker finds when one rule is
// taken away, played twice: as it is, and with the rule broken, where the promise
// must break too. A test that a broken rule would pass tests nothing.

const (
	signedOut = "without having signed out"
	cameBack  = "came back"
)

// twice plays a trace with the rule kept and broken, and expects the promise to be
// kept and broken. The trace returns the person it is about.
func twice(t *testing.T, breaks string, trace func(w *world, rule bool) *person) {
	t.Helper()
	for name, rule := range map[string]bool{"kept": true, "broken": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			defer w.close()
			p := trace(w, rule)
			if rule {
				require.Empty(t, w.broken(p))
			} else {
				require.Contains(t, w.broken(p), breaks)
			}
		})
	}
}

// A sign-in that began in memory ends after the copy: only memory has it, and
// memory is emptied.
func TestRuleDrainFirst(t *testing.T) {
	twice(t, signedOut, func(w *world, rule bool) *person {
		p, r := w.newPerson("ada"), w.replicas[0]
		slow := w.begin(r)
		w.target.Mode, w.target.Generation = Dual, 2
		w.flip(r)
		w.bring(w.replicas[1])
		w.bring(w.replicas[2])
		require.False(w.t, r.drained(), "the sign-in is under way")
		if rule {
			w.signIn(p, slow)
			require.True(w.t, r.drained())
		}
		w.look(r)
		w.write(r)
		if !rule {
			w.signIn(p, slow)
		}
		w.goTo(Redis)
		return p
	})
}

// Loading takes a session, it is signed out, and then loading writes it to memory.
func signedOutWhileLoading(w *world) *person {
	p, r := w.newPerson("ada"), w.replicas[0]
	w.goTo(Dual)
	w.signIn(p, w.begin(r))
	w.goTo(Redis)
	w.goTo(Back)
	w.target.Mode = Load
	w.flip(r)
	w.look(r)
	w.signOut(p, w.replicas[1])
	w.write(r)
	w.bring(w.replicas[1])
	w.bring(w.replicas[2])
	return p
}

// blind is a Redis whose tombstones nobody minds.
type blind struct{ store.Remote }

func (b blind) Load(ctx context.Context, hash string) (store.Found, error) {
	found, err := b.Remote.Load(ctx, hash)
	if found.State == store.Revoked {
		found.State = store.Absent
	}
	return found, err
}

func TestRuleReadTombstones(t *testing.T) {
	for name, rule := range map[string]bool{"kept": true, "broken": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			defer w.close()
			p := signedOutWhileLoading(w)
			require.Equal(t, 1, w.replicas[0].memory.Len(), "memory holds what was signed out")
			v := w.replicas[0].gate.peek()
			if !rule {
				v.store = &store.Both{Memory: w.replicas[0].memory, Redis: blind{v.remote},
					Fill: func() bool { return false }, Complete: func() bool { return false }}
			}
			require.Equal(t, !rule, w.visit(p, w.replicas[0]), "seen as signed in")
		})
	}
}

func TestRuleDropTombstoned(t *testing.T) {
	twice(t, cameBack, func(w *world, rule bool) *person {
		p := signedOutWhileLoading(w)
		w.target.Mode = Memory
		for _, r := range w.replicas {
			if rule {
				w.drop(r)
			}
			w.flip(r)
			w.report(r)
		}
		return p
	})
}

// One who signed out while sessions lived in memory rises on the second way to
// Redis from the copy of the first.
func TestRuleFreshGeneration(t *testing.T) {
	twice(t, cameBack, func(w *world, rule bool) *person {
		p := w.newPerson("ada")
		w.goTo(Dual)
		w.signIn(p, w.begin(w.replicas[0]))
		for _, mode := range []Mode{Redis, Back, Load, Memory} {
			w.goTo(mode)
		}
		w.signOut(p, w.replicas[0])
		if rule {
			w.goTo(Dual)
			return p
		}
		w.target.Mode = Dual // and the generation stays
		for _, r := range w.replicas {
			w.bring(r)
		}
		return p
	})
}

func TestAUsedGenerationIsRefused(t *testing.T) {
	m, err := newManager(Config{Settings: Settings{Mode: Dual, Generation: 4, RedisURL: "redis://127.0.0.1:1"}})
	require.NoError(t, err)
	defer m.Close(t.Context())
	for _, mode := range []Mode{Redis, Back, Load, Memory} {
		require.NoError(t, m.Apply(Settings{Mode: mode, Generation: 4, RedisURL: "redis://127.0.0.1:1"}))
	}
	err = m.Apply(Settings{Mode: Dual, Generation: 4, RedisURL: "redis://127.0.0.1:1"})
	require.EqualError(t, err, "session.generation 4 was used before: use 5 or more")
}

// After a load every replica holds every session.
func TestRuleTellOthers(t *testing.T) {
	twice(t, cameBack, func(w *world, rule bool) *person {
		p := w.newPerson("ada")
		w.goTo(Dual)
		w.signIn(p, w.begin(w.replicas[0]))
		for _, mode := range []Mode{Redis, Back, Load, Memory} {
			w.goTo(mode)
		}
		if rule {
			w.signOut(p, w.replicas[0])
			return p
		}
		o := w.begin(w.replicas[0])
		w.revokeAt(p, o)
		o.end()
		p.gone, p.out = true, true
		return p
	})
}

// The last three rules are the tool's. What it must not do is shown here, because
// it is here that it would do harm.

// One replica loads while another still signs people in to Redis alone.
func TestRuleLoadApart(t *testing.T) {
	twice(t, signedOut, func(w *world, rule bool) *person {
		p := w.newPerson("ada")
		r1, r2, r3 := w.replicas[0], w.replicas[1], w.replicas[2]
		w.goTo(Dual)
		w.goTo(Redis)
		w.goTo(Back, r1, r3)
		if !rule {
			w.goTo(Load, r1)
			w.target.Mode = Back
		}
		w.signIn(p, w.begin(r2)) // r2 is late: to Redis alone
		w.bring(r2)
		w.kill(r2)
		require.True(w.t, w.visit(p, r1), "now pinned to r1")
		w.start(r2)
		w.report(r2)
		if rule {
			w.goTo(Load)
		} else {
			w.goTo(Load, r2, r3)
		}
		w.goTo(Memory)
		return p
	})
}

// Without affinity, who signs in while replicas load is known to one of them only.
func TestRuleAffinityFirst(t *testing.T) {
	twice(t, signedOut, func(w *world, rule bool) *person {
		p := w.newPerson("ada")
		w.goTo(Dual)
		w.goTo(Redis)
		w.affinity = rule
		w.goTo(Back)
		w.goTo(Load)
		w.signIn(p, w.begin(w.replicas[0]))
		w.goTo(Memory)
		return p
	})
}

// A replica killed before it has copied takes its sessions along.
func TestRuleKillsInWindow(t *testing.T) {
	twice(t, signedOut, func(w *world, rule bool) *person {
		p := w.newPerson("ada")
		w.signIn(p, w.begin(w.replicas[0]))
		if rule {
			w.goTo(Dual)
			w.kill(w.replicas[0])
		} else {
			w.kill(w.replicas[0])
			w.goTo(Dual, w.replicas[1], w.replicas[2])
		}
		w.start(w.replicas[0])
		w.bring(w.replicas[0])
		w.goTo(Redis)
		return p
	})
}
