package session

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/session/store"
)

// world is the protocol's model made of the real parts: three managers over one
// Redis, a tool that moves the target, a gateway that pins people to replicas. The
// test takes each step by itself, so that any interleaving can be played. What a
// step does is the managers' own code; only the order is the test's.
type world struct {
	t        require.TestingT
	ctx      context.Context
	server   *miniredis.Miniredis
	replicas []*replica
	target   Settings
	affinity bool
}

// replica is one process. It may be down; its manager is then closed.
type replica struct {
	*Manager
	name    string
	up      bool
	done    bool           // it has reported
	dropped bool           // on the way to memory: what has a tombstone is gone
	before  []*view        // views whose operations may still be under way
	looked  bool           // between look and write
	taken   []store.Record // what look took
}

// person is one who signs in once, and perhaps out.
type person struct {
	record          store.Record
	made, gone, out bool
	pin             *replica
}

func newWorld(t require.TestingT) *world {
	w := &world{t: t, ctx: context.Background(), server: miniredis.NewMiniRedis(), affinity: true}
	require.NoError(t, w.server.Start())
	w.target = Settings{Mode: Memory, Generation: 1, RedisURL: "redis://" + w.server.Addr()}
	for i := range 3 {
		r := &replica{name: fmt.Sprintf("r%d", i+1)}
		w.replicas = append(w.replicas, r)
		w.start(r)
		r.done = true
	}
	return w
}

func (w *world) close() {
	for _, r := range w.replicas {
		if r.up {
			require.NoError(w.t, r.Close(w.ctx))
		}
	}
	w.server.Close()
}

func (w *world) start(r *replica) {
	m, err := newManager(Config{Replica: r.name, Settings: w.target, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(w.t, err)
	*r = replica{Manager: m, name: r.name, up: true}
}

func (w *world) kill(r *replica) {
	require.NoError(w.t, r.Close(w.ctx))
	*r = replica{name: r.name}
}

func (w *world) up() []*replica {
	var up []*replica
	for _, r := range w.replicas {
		if r.up {
			up = append(up, r)
		}
	}
	return up
}

func (w *world) newPerson(name string) *person {
	now := time.Now().UTC().Truncate(time.Millisecond)
	return &person{record: store.Record{
		Hash: name, UserID: name, Data: []byte("{}"), CreatedAt: now, LastSeen: now, Deadline: now.Add(defaultAbsolute),
	}}
}

// --- the steps of a switch, in the order of Manager.move -------------------------

func (r *replica) mode() Mode { return r.gate.peek().mode() }

func (w *world) drop(r *replica) {
	require.NoError(w.t, r.dropRevoked(w.ctx, r.gate.peek()))
	r.dropped = true
}

func (w *world) flip(r *replica) {
	r.before = append(r.before, r.gate.peek())
	_, err := r.Manager.flip(w.target)
	require.NoError(w.t, err)
	r.done, r.looked, r.dropped = false, false, false
}

// drained is the rule DrainFirst: what began before has ended.
func (r *replica) drained() bool {
	for _, v := range r.before {
		select {
		case <-v.drained:
		default:
			return false
		}
	}
	return true
}

func (r *replica) moves() bool { return r.mode() == Dual || r.mode() == Load }

func (w *world) look(r *replica) {
	v := r.gate.peek()
	v.ready.Store(true)
	taken, err := r.Manager.look(w.ctx, v)
	require.NoError(w.t, err)
	r.looked, r.taken = true, taken
}

func (w *world) write(r *replica) {
	v := r.gate.peek()
	require.NoError(w.t, r.Manager.write(w.ctx, v, r.taken))
	v.settled.Store(true)
	r.looked, r.done = false, true
}

func (w *world) report(r *replica) {
	v := r.gate.peek()
	v.ready.Store(true)
	if v.mode() == Redis {
		r.memory.Clear()
	}
	v.settled.Store(true)
	r.done = true
}

// --- whole moves, for traces that are not about them -----------------------------

// goTo makes mode the target and takes the replicas there, all of them by default.
func (w *world) goTo(mode Mode, replicas ...*replica) {
	if w.target.Mode == Memory && mode == Dual {
		w.target.Generation++
	}
	w.target.Mode = mode
	if len(replicas) == 0 {
		replicas = w.replicas
	}
	for _, r := range replicas {
		w.bring(r)
	}
}

// bring takes one replica to the target, keeping every rule.
func (w *world) bring(r *replica) {
	if r.mode() == Load && w.target.Mode == Memory {
		w.drop(r)
	}
	if r.mode() != w.target.Mode {
		w.flip(r)
	}
	require.True(w.t, r.drained(), "an operation of the mode before is under way")
	if r.moves() {
		w.look(r)
		w.write(r)
		return
	}
	w.report(r)
}

// --- people ----------------------------------------------------------------------

// operation is one that has begun: it has its view, and acts later.
type operation struct {
	r *replica
	v *view
	// pins: affinity was on when it began, so that its answer sets the cookie.
	pins bool
}

func (w *world) begin(r *replica) operation { return operation{r, r.gate.enter(), w.affinity} }
func (o operation) end()                    { o.r.gate.leave(o.v) }

func (w *world) signIn(p *person, o operation) {
	require.NoError(w.t, o.v.store.Create(w.ctx, p.record))
	o.end()
	p.made = true
	if o.pins {
		p.pin = o.r
	}
}

func (w *world) revokeAt(p *person, o operation) {
	require.NoError(w.t, o.r.revokeHere(w.ctx, o.v, p.record.Hash, true))
}

// signOut is a whole sign-out at r that tells the others.
func (w *world) signOut(p *person, r *replica) {
	o := w.begin(r)
	p.gone = true
	w.revokeAt(p, o)
	if !o.v.mode().shared() {
		for _, q := range w.up() {
			other := w.begin(q)
			w.revokeAt(p, other)
			other.end()
		}
	}
	o.end()
	p.out = true
}

// visit is a request of p that the gateway sends to r, with all its side effects.
func (w *world) visit(p *person, r *replica) bool {
	o := w.begin(r)
	defer o.end()
	found, err := o.v.store.Load(w.ctx, p.record.Hash)
	require.NoError(w.t, err)
	if w.affinity && (p.pin == nil || !p.pin.up) {
		p.pin = r
	}
	return found.State == store.Live
}

// found says what a request would find at r, and changes nothing. It looks into
// Redis directly, which is some hundred times faster than asking.
func (w *world) found(p *person, r *replica) bool {
	v := r.gate.peek()
	if v.mode().UsesRedis() {
		key := fmt.Sprintf("banyan:s:%d:k:%s", v.settings.Generation, p.record.Hash)
		if w.server.HGet(key, "gone") != "" {
			return false
		}
		if w.server.HGet(key, "user") != "" {
			return true
		}
		if v.mode() == Redis {
			return false
		}
	}
	local, err := r.memory.Load(w.ctx, p.record.Hash)
	require.NoError(w.t, err)
	return local.State == store.Live
}

// reach is where the gateway may send p.
func (w *world) reach(p *person) []*replica {
	if w.affinity && p.pin != nil && p.pin.up {
		return []*replica{p.pin}
	}
	return w.up()
}

// broken says which promise is broken to p, or "".
func (w *world) broken(p *person) string {
	if p.made && !p.gone {
		for _, r := range w.reach(p) {
			if !w.found(p, r) {
				return fmt.Sprintf("%s was signed out at %s (%s) without having signed out", p.record.Hash, r.name, r.mode())
			}
		}
	}
	if p.out {
		for _, r := range w.up() {
			if w.found(p, r) {
				return fmt.Sprintf("%s signed out and came back at %s (%s)", p.record.Hash, r.name, r.mode())
			}
		}
	}
	return ""
}
