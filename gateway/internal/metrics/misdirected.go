package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Misdirected counts what became of a route's requests that an owner sent away with
// 421: the owner of what they are about is another one. It is safe for concurrent use.
type Misdirected struct{ resent, waited, refused prometheus.Counter }

// Misdirected returns the counts of a route, which are the same for the same name.
func (s *Set) Misdirected(route string) *Misdirected {
	return &Misdirected{
		resent: s.misdirected.WithLabelValues(route, "resent"), waited: s.misdirected.WithLabelValues(route, "waited"),
		refused: s.misdirected.WithLabelValues(route, "refused"),
	}
}

// Resent counts that a request was sent to the owner that was named.
func (m *Misdirected) Resent() { m.resent.Inc() }

// Waited counts a request that waited because nobody was the owner, once.
func (m *Misdirected) Waited() { m.waited.Inc() }

// Refused counts a request that was answered 503 in the end.
func (m *Misdirected) Refused() { m.refused.Inc() }

// Read returns the counts.
func (m *Misdirected) Read() (resent, waited, refused uint64) {
	return valueOf(m.resent), valueOf(m.waited), valueOf(m.refused)
}

func valueOf(c prometheus.Counter) uint64 {
	var out dto.Metric
	if c.Write(&out) != nil {
		return 0
	}
	return uint64(out.GetCounter().GetValue())
}
