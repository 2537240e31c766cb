package who

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/policy"
	"banyan.dev/platform/identity"
)

// Finder signs and counts. It is safe for concurrent use.
type Finder struct {
	keys                  identity.Keys
	known, nobody, failed prometheus.Counter
	took                  prometheus.Histogram
	counts                struct{ known, nobody, failed atomic.Uint64 }
	last                  atomic.Pointer[Failure]
}

// New returns a finder that signs with the first of the keys, and shows its counts in
// the registry.
func New(keys identity.Keys, registry prometheus.Registerer) *Finder {
	results := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "gateway_identity_questions_total", Help: "Questions for whom a session belongs to, by what came of them.",
	}, []string{"result"})
	took := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "gateway_identity_seconds", Help: "How long it took to hear whom a session belongs to.",
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
	})
	registry.MustRegister(results, took)
	return &Finder{
		keys: keys, took: took, known: results.WithLabelValues("known"),
		nobody: results.WithLabelValues("nobody"), failed: results.WithLabelValues("failed"),
	}
}

// Failure is why a question had no answer, and when.
type Failure struct {
	At     time.Time
	Reason string
}

// Figures are a finder's counts since the gateway began.
type Figures struct {
	Known, Nobody, Failed uint64
	Last                  *Failure // nil when none failed
}

// Figures reads the counts.
func (f *Finder) Figures() Figures {
	return Figures{f.counts.known.Load(), f.counts.nobody.Load(), f.counts.failed.Load(), f.last.Load()}
}

// Asker asks as one configuration says. Of a nil Asker nobody is ever asked. It is
// safe for concurrent use.
type Asker struct {
	finder *Finder
	policy config.Identity
	table  *policy.Table
	owner  *policy.Owner
}

// Asker returns one that asks as the configuration of the table says. The table must
// be open.
func (f *Finder) Asker(by config.Identity, table *policy.Table) *Asker {
	return &Asker{finder: f, policy: by, table: table, owner: table.Owner(by.Owner)}
}

// AppendSession appends the session that a request's cookies carry, for a Question;
// nothing when there is none.
func (a *Asker) AppendSession(dst []byte, cookies [][]byte) []byte {
	return a.table.AppendSession(dst, cookies)
}

// Figures are those of the asker's finder.
func (a *Asker) Figures() Figures { return a.finder.Figures() }

// note counts what came of a question.
func (f *Finder) note(answer Answer, err error, begun time.Time) {
	now := time.Now()
	f.took.Observe(now.Sub(begun).Seconds())
	switch {
	case err != nil:
		f.failed.Inc()
		f.counts.failed.Add(1)
		f.last.Store(&Failure{now, err.Error()})
	case len(answer.Token) == 0:
		f.nobody.Inc()
		f.counts.nobody.Add(1)
	default:
		f.known.Inc()
		f.counts.known.Add(1)
	}
}
