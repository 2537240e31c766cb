package upstream

import (
	"log/slog"
	"math"
	"net"

	"banyan.dev/gateway/internal/config"
)

// Unprobed returns a group whose replicas nobody probes.
func Unprobed(owner config.Owner) *Group {
	g := &Group{registry: &Registry{logger: slog.New(slog.DiscardHandler)}, owner: owner}
	var replicas []*Replica
	for _, p := range owner.Replicas {
		r := newReplica(owner.Name, p.Name, p.URL)
		r.outlier.judgeBy(owner.Outliers)
		replicas = append(replicas, r)
	}
	g.replicas.Store(&replicas)
	return g
}

// MarkUp is a probe that succeeds.
func (r *Replica) MarkUp() { r.markUp() }

// Over returns a Conn over a connection of any kind.
func Over(conn net.Conn) *Conn { return &Conn{Conn: conn, writeBy: math.MaxInt64} }

// HealthPath is where a replica is probed.
func HealthPath(r *Replica) string { return r.health.Load().Path }

// LookAgain is a look-up that finds what is known.
func LookAgain(g *Group) { g.set(g.owner.Replicas) }
