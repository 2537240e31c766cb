package session

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// walk plays the whole model at random: the tool, late replicas, kills in the
// allowed window, people whose sign-ins and sign-outs take time. After each step
// nobody may be signed out who did not sign out, and nobody who signed out may be
// back.
type walk struct {
	*world
	people []*doing
	rounds int
	kills  int
	steps  []string // for the report
	rules  rules
}

// rules can be broken one by one, to see that the walk notices. Those that are not
// here take a long and particular way to do harm: rules_test.go walks it.
type rules struct{ drainFirst, dropTombstoned, tellOthers, killsInWindow bool }

func allRules() rules { return rules{true, true, true, true} }

// doing is a person with what is under way for them.
type doing struct {
	*person
	signIn  *operation
	signOut *operation            // of who was asked
	here    bool                  // that one has yet to revoke in its own stores
	left    map[*replica]struct{} // who has yet to be told
	told    map[*replica]operation
}

// step is one thing that may happen now. Weight makes the tool's steps likely
// enough for a walk to get round.
type step struct {
	name   string
	weight int
	do     func()
}

func newWalk(t require.TestingT, people int, rules rules) *walk {
	w := &walk{world: newWorld(t), rules: rules}
	for i := range people {
		w.people = append(w.people, &doing{person: w.newPerson(fmt.Sprintf("p%d", i+1))})
	}
	return w
}

// run takes up to n steps; choose picks among the weights' sum. It returns the
// broken promise, or "".
func (w *walk) run(n int, choose func(n int) int) string {
	for range n {
		steps := w.possible()
		if len(steps) == 0 {
			return ""
		}
		s := pick(steps, choose)
		w.steps = append(w.steps, s.name)
		s.do()
		for _, p := range w.people {
			if broken := w.broken(p.person); broken != "" {
				return broken
			}
		}
	}
	return ""
}

func pick(steps []step, choose func(n int) int) step {
	sum := 0
	for _, s := range steps {
		sum += s.weight
	}
	at := choose(sum)
	for _, s := range steps {
		if at -= s.weight; at < 0 {
			return s
		}
	}
	return steps[len(steps)-1]
}

func (w *walk) possible() []step {
	var steps []step
	may := func(when bool, weight int, do func(), format string, args ...any) {
		if when {
			steps = append(steps, step{fmt.Sprintf(format, args...), weight, do})
		}
	}
	for _, r := range w.replicas {
		w.replicaSteps(r, may)
	}
	for _, p := range w.people {
		w.personSteps(p, may)
	}
	may(w.mayAdvance(), 8, w.advance, "the tool goes on from %s", w.target.Mode)
	settled := w.target.Mode == Redis
	for _, r := range w.up() {
		settled = settled && r.mode() == Redis
	}
	may(settled, 1, func() { w.affinity = !w.affinity }, "affinity turns")
	return steps
}

type mayStep func(when bool, weight int, do func(), format string, args ...any)

func (w *walk) replicaSteps(r *replica, may mayStep) {
	if !r.up {
		may(true, 4, func() { w.start(r) }, "%s starts in %s", r.name, w.target.Mode)
		return
	}
	late := r.mode() != w.target.Mode
	mustDrop := late && w.target.Mode == Memory && !r.dropped && w.rules.dropTombstoned
	may(mustDrop, 4, func() { w.drop(r) }, "%s drops what has a tombstone", r.name)
	may(late && !mustDrop, 4, func() { w.flip(r) }, "%s switches to %s", r.name, w.target.Mode)
	drained := !w.rules.drainFirst || r.drained()
	may(!r.done && r.moves() && !r.looked && drained, 4, func() { w.look(r) }, "%s looks", r.name)
	may(!r.done && r.looked, 3, func() { w.write(r) }, "%s writes", r.name)
	may(!r.done && !r.moves() && drained, 4, func() { w.report(r) }, "%s reports", r.name)
	may(w.mayKill(), 1, func() { w.killed(r) }, "%s is killed", r.name)
}

func (w *walk) personSteps(p *doing, may mayStep) {
	name := p.record.Hash
	for _, r := range w.up() {
		may(!p.made && p.signIn == nil, 1, func() { o := w.begin(r); p.signIn = &o }, "%s begins to sign in at %s", name, r.name)
		if told, ok := p.told[r]; ok {
			may(true, 2, func() { w.revokedAt(p, told) }, "%s revokes %s", r.name, name)
		} else if _, left := p.left[r]; left {
			may(true, 2, func() { p.told[r] = w.begin(r) }, "%s is told of %s", r.name, name)
		}
	}
	may(p.signIn != nil, 2, func() { o := *p.signIn; p.signIn = nil; w.world.signIn(p.person, o) }, "%s is signed in", name)
	if !p.made {
		return
	}
	for _, r := range w.reach(p.person) {
		may(true, 1, func() { w.visit(p.person, r) }, "%s visits %s", name, r.name)
		may(!p.out && p.signOut == nil, 1, func() { w.beginSignOut(p, r) }, "%s begins to sign out at %s", name, r.name)
	}
	may(p.here, 2, func() { w.revokeAt(p.person, *p.signOut); p.here = false }, "%s is revoked where it was asked", name)
	may(p.signOut != nil && !p.here && len(p.left) == 0, 2, func() { w.endSignOut(p) }, "%s is signed out", name)
}

func (w *walk) beginSignOut(p *doing, r *replica) {
	p.gone, p.here = true, true
	o := w.begin(r)
	p.signOut, p.left, p.told = &o, map[*replica]struct{}{}, map[*replica]operation{}
	if w.rules.tellOthers && !o.v.mode().shared() {
		for _, q := range w.up() {
			p.left[q] = struct{}{}
		}
	}
}

func (w *walk) revokedAt(p *doing, told operation) {
	w.revokeAt(p.person, told)
	told.end()
	delete(p.told, told.r)
	delete(p.left, told.r)
}

func (w *walk) endSignOut(p *doing) {
	p.signOut.end()
	p.signOut, p.out = nil, true
}

// killed ends what was under way at r. Who signs out there is not told so, and may
// ask again; who was telling r finds nobody.
func (w *walk) killed(r *replica) {
	w.kills++
	for _, p := range w.people {
		if p.signIn != nil && p.signIn.r == r {
			p.signIn = nil
		}
		delete(p.told, r)
		delete(p.left, r)
		if p.signOut != nil && p.signOut.r == r {
			for _, o := range p.told {
				o.end()
			}
			p.signOut, p.here, p.left, p.told = nil, false, nil, nil
		}
	}
	w.kill(r)
}

func (w *walk) mayKill() bool {
	if w.kills >= 2 || len(w.up()) < 2 {
		return false
	}
	if !w.rules.killsInWindow || w.target.Mode == Redis || w.target.Mode == Back {
		return true
	}
	for _, r := range w.replicas {
		if r.up && (r.mode() != Dual || !r.done) {
			return false
		}
	}
	return w.target.Mode == Dual
}

func (w *walk) mayAdvance() bool {
	for _, r := range w.replicas {
		if !r.up || !r.done || r.mode() != w.target.Mode {
			return false
		}
	}
	if w.target.Mode == Redis && !w.affinity {
		return false
	}
	return w.target.Mode != Memory || w.rounds < 2
}

func (w *walk) advance() {
	if w.target.Mode == Memory {
		w.rounds++
		w.target.Generation++
	}
	w.target.Mode = after[w.target.Mode]
}

func TestNoInterleavingBreaksThePromise(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWalk(t, 2, allRules())
		defer w.close()
		broken := w.run(120, func(n int) int { return rapid.IntRange(0, n-1).Draw(t, "step") })
		require.Empty(t, broken, "after %q", w.steps)
		for _, r := range w.up() {
			require.Zero(t, r.Status().Mismatches, "after %q", w.steps)
		}
	})
}

// The same walk with one rule broken must find that out, or it looks nowhere.
func TestTheWalkNoticesABrokenRule(t *testing.T) {
	for name, breakRule := range map[string]func(*rules){
		"DrainFirst":     func(r *rules) { r.drainFirst = false },
		"DropTombstoned": func(r *rules) { r.dropTombstoned = false },
		"TellOthers":     func(r *rules) { r.tellOthers = false },
		"KillsInWindow":  func(r *rules) { r.killsInWindow = false },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			broken := allRules()
			breakRule(&broken)
			for seed := uint64(400); seed < 1400; seed++ {
				w := newWalk(t, 4, broken)
				promise := w.run(200, rand.New(rand.NewPCG(seed, 0)).IntN)
				w.close()
				if promise != "" {
					t.Logf("seed %d, %d steps: %s", seed, len(w.steps), promise)
					return
				}
			}
			t.Error("no walk broke the promise")
		})
	}
}
