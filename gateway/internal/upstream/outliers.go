package upstream

import (
	"slices"
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/config"
)

// maxRow bounds by how many ejections in a row EjectFor is multiplied: ten, as
// Envoy's base and longest times of ejection stand to each other.
const maxRow = 10

// ejection is what a replica's own answers have done to it. It is independent of
// the probes: they may take an ejected replica out, and can't bring it back before
// its time.
type ejection struct {
	settings atomic.Pointer[config.Outliers] // nil is none

	streak atomic.Int32 // failures in a row
	until  atomic.Int64 // on the replica's clock; 0 when it is not ejected
	count  atomic.Uint64

	// Under Registry.ejecting:
	row   int   // ejections in a row
	ended int64 // when the last one was over
}

// Answered tells how a request to the replica ended: ok is false when there was no
// answer in time, or one of 500, 502, 503 and 504. It is called once for each time a
// request was sent, unless that says nothing about the replica (the client went
// away). Connections that were refused are MarkDown's.
//
// Where the owner's Outliers say so, the replica is ejected after so many failures in
// a row: it gets no requests for EjectFor, for twice this when it is ejected again,
// and so on up to ten times. Each EjectFor that it then spends among the others
// takes one off. This is Envoy's outlier detection by consecutive failures
// (envoyproxy.io, architecture overview, outlier detection).
//
// No more than MaxEjected percent of the group are ejected at once, though one may
// always be, and never the last replica that is healthy: a failing owner is better
// asked than none, and stopping altogether is the circuit breaker's decision. The
// failing replica then stays, and begins a new row. An ejection also ends when the
// replica goes down and comes back: it was restarted. When all others go down while
// one is ejected, Up tells that it may serve as a last resort.
func (g *Group) Answered(r *Replica, ok bool, now time.Time) {
	settings := r.outlier.settings.Load()
	if settings == nil {
		return
	}
	if ok {
		if r.outlier.streak.Load() != 0 {
			r.outlier.streak.Store(0)
		}
		return
	}
	at := r.since(now)
	if r.isEjected(at) {
		return // sent before it was
	}
	if int(r.outlier.streak.Add(1)) >= settings.Consecutive {
		r.outlier.streak.Store(0)
		g.eject(r, settings, now)
	}
}

// eject takes the replica out if the others can do without it. It is rare, so all
// groups share its lock: two configurations of one owner share replicas.
func (g *Group) eject(r *Replica, settings *config.Outliers, now time.Time) {
	g.registry.ejecting.Lock()
	defer g.registry.ejecting.Unlock()
	at, o := r.since(now), &r.outlier
	if r.isEjected(at) || !r.Up() || !g.canSpare(r, settings, now) {
		return
	}
	spent := max(at-o.ended, 0) / max(int64(settings.EjectFor), 1)
	o.row = min(o.row-int(min(spent, int64(o.row)))+1, maxRow)
	o.ended = at + int64(o.row)*int64(settings.EjectFor)
	o.count.Add(1)
	o.until.Store(o.ended)
	g.registry.logger.Warn("replica ejected", "owner", r.Owner, "replica", r.Name, "failures", settings.Consecutive, "for", time.Duration(o.ended-at), "in_a_row", o.row)
}

// canSpare tells whether one more replica may be ejected, and another is healthy.
func (g *Group) canSpare(r *Replica, settings *config.Outliers, now time.Time) bool {
	replicas := g.Replicas()
	if !slices.Contains(replicas, r) {
		return false
	}
	ejected, healthy := 1, 0
	for _, other := range replicas {
		switch {
		case other == r:
		case other.isEjected(other.since(now)):
			ejected++
		case other.Up():
			healthy++
		}
	}
	return healthy > 0 && ejected <= max(len(replicas)*settings.MaxEjected/100, 1)
}

// since is the time on the replica's own clock, which no change of the machine's
// disturbs.
func (r *Replica) since(now time.Time) int64 { return int64(now.Sub(r.epoch)) }

func (r *Replica) isEjected(at int64) bool { return at < r.outlier.until.Load() }

// ejectedUntil is when an ejection ends, on the replica's clock, and 0 when there is
// none. It is asked for each request, so it looks at the clock only while there is
// an end to wait for.
func (r *Replica) ejectedUntil() int64 {
	until := r.outlier.until.Load()
	if until == 0 || r.since(time.Now()) < until {
		return until
	}
	r.outlier.until.CompareAndSwap(until, 0)
	return 0
}

// judgeBy takes over new settings. Without any, an ejection ends.
func (o *ejection) judgeBy(settings *config.Outliers) {
	o.settings.Store(settings)
	if settings == nil {
		o.until.Store(0)
		o.streak.Store(0)
	}
}
