package upstream

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/config"
)

// Replica is one process of an owner. It outlives configurations: as long as one
// names it, its health, figures and connections stay. It is safe for concurrent
// use.
type Replica struct {
	Owner, Name string
	URL         *url.URL
	// Pin is the replica's name as clients see it in an affinity cookie: stable,
	// the same at every gateway, and telling nothing.
	Pin string
	// ServedBy is "owner/replica", as in X-Served-By.
	ServedBy []byte

	pool     pool
	health   atomic.Pointer[config.Health]
	verdict  atomic.Pointer[Verdict] // as probes and connections have it
	epoch    time.Time
	outlier  ejection
	inFlight atomic.Int64
	requests atomic.Uint64
	failures atomic.Uint64
	pinned   atomic.Uint64
}

// Verdict is whether a replica takes requests, and why not.
type Verdict struct {
	Healthy bool
	Reason  string // "" when healthy
	// EjectedUntil is when an ejection ends; zero when the replica is not ejected.
	EjectedUntil time.Time
}

// healthy is shared by all replicas that are: setting it costs no allocation.
var healthy = &Verdict{Healthy: true}

// Pin returns the name of a replica as an affinity cookie carries it.
func Pin(owner, name string) string {
	sum := sha256.Sum256([]byte(owner + "/" + name))
	return hex.EncodeToString(sum[:6])
}

func newReplica(owner, name string, u *url.URL) *Replica {
	r := &Replica{Owner: owner, Name: name, URL: u, Pin: Pin(owner, name), ServedBy: []byte(owner + "/" + name), epoch: time.Now()}
	// A new replica is trusted until the first probe, or the first refused
	// connection, says otherwise: else each start would begin with 503.
	r.verdict.Store(healthy)
	r.pool.addr = u.Host
	return r
}

// Healthy tells whether the replica takes requests: it is up, and not ejected.
func (r *Replica) Healthy() bool { return r.Up() && r.ejectedUntil() == 0 }

// Up tells whether the replica is well as far as probes and connections know. Where
// no replica is healthy, one that is up is better than none.
func (r *Replica) Up() bool { return r.verdict.Load().Healthy }

// Verdict is Healthy with its reason.
func (r *Replica) Verdict() Verdict {
	v := *r.verdict.Load()
	until := r.ejectedUntil()
	if until == 0 {
		return v
	}
	v.EjectedUntil = r.epoch.Add(time.Duration(until))
	if v.Healthy {
		v.Healthy, v.Reason = false, "ejected: too many failures in a row"
	}
	return v
}

// MarkDown takes the replica out until a probe brings it back, and drops its idle
// connections: they lead to a process that is gone.
func (r *Replica) MarkDown(reason string) {
	r.verdict.Store(&Verdict{Reason: reason})
	r.failures.Add(1)
	r.pool.drop()
}

// markUp takes the replica back. An ejection from before it went down ends: what it
// was ejected for was its dying, and another process answers now.
func (r *Replica) markUp() {
	r.outlier.until.Store(0)
	r.outlier.streak.Store(0)
	r.verdict.Store(healthy)
}

// Begin counts a request that goes to the replica; End counts it off.
func (r *Replica) Begin() {
	r.inFlight.Add(1)
	r.requests.Add(1)
}

// End ends what Begin began.
func (r *Replica) End() { r.inFlight.Add(-1) }

// Failed counts a request that the replica did not answer.
func (r *Replica) Failed() { r.failures.Add(1) }

// Pinned counts a user who was given an affinity cookie for the replica.
func (r *Replica) Pinned() { r.pinned.Add(1) }

// InFlight is the number of requests the replica has at the moment.
func (r *Replica) InFlight() int64 { return r.inFlight.Load() }

// Figures are the replica's counts since the gateway first knew it.
type Figures struct {
	InFlight                   int64
	Requests, Failures, Pinned uint64
	Ejections                  uint64
}

// Figures returns the counts.
func (r *Replica) Figures() Figures {
	return Figures{r.inFlight.Load(), r.requests.Load(), r.failures.Load(), r.pinned.Load(), r.outlier.count.Load()}
}
