package filling

import (
	"sync"
	"time"
)

// meter is how fast a backfill is. It is safe for concurrent use.
type meter struct {
	began chan struct{} // closed when the first rows were told
	now   func() time.Time

	mu         sync.Mutex
	rows, from int64
	at         time.Time // when from was
}

func newMeter(now func() time.Time) *meter { return &meter{began: make(chan struct{}), now: now} }

// sent hears how many rows were sent since the backfill began.
func (m *meter) sent(rows int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.rows == 0 && rows > 0 {
		close(m.began)
	}
	m.rows = max(m.rows, rows)
}

// reset begins to measure where it is now.
func (m *meter) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.from, m.at = m.rows, m.now()
}

// perSecond is how fast it was since reset.
func (m *meter) perSecond() float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	took := m.now().Sub(m.at).Seconds()
	if took <= 0 {
		return 0
	}
	return float64(m.rows-m.from) / took
}
