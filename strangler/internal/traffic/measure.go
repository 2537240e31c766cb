package traffic

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// maxFailures is how many failures a window tells in words.
const maxFailures = 20

// recorder measures the whole run and, inside it, one window at a time. It is safe for concurrent use.
type recorder struct {
	now func() time.Time

	mu    sync.Mutex
	total *measure
	open  *measure // nil between windows
}

// measure is what one window has counted so far; the recorder's mutex guards it.
type measure struct {
	Window
	began     time.Time
	latencies *hdrhistogram.Histogram
	kinds     map[string]*kind
	inFlight  int
	closed    bool
	settled   chan struct{} // closed when the window is, and nothing begun in it is in flight
}

type kind struct {
	requests, failed int
	latencies        *hdrhistogram.Histogram
}

func newRecorder(now func() time.Time) *recorder {
	r := &recorder{now: now}
	r.total = newMeasure("", now())
	return r
}

func newMeasure(name string, began time.Time) *measure {
	return &measure{
		Window:    Window{Name: name},
		began:     began,
		latencies: newHistogram(3),
		kinds:     map[string]*kind{},
		settled:   make(chan struct{}),
	}
}

// newHistogram counts microseconds up to ten minutes, exact to so many digits.
func newHistogram(digits int) *hdrhistogram.Histogram {
	return hdrhistogram.New(1, (10 * time.Minute).Microseconds(), digits)
}

// begin opens a window; one that is still open closes.
func (r *recorder) begin(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shut()
	r.open = newMeasure(name, r.now())
}

// end closes the open window, waits until it has settled, at most so long, and returns it. Without an open window
// it returns an empty one.
func (r *recorder) end(atMost time.Duration) Window {
	r.mu.Lock()
	closed := r.shut()
	r.mu.Unlock()
	if closed == nil {
		return Window{ByOperation: map[string]Operation{}}
	}
	timer := time.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-closed.settled:
	case <-timer.C:
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return closed.window(closed.Seconds)
}

func (r *recorder) shut() *measure {
	m := r.open
	r.open = nil
	if m == nil {
		return nil
	}
	m.closed = true
	m.Seconds = r.now().Sub(m.began).Seconds()
	if m.inFlight == 0 {
		close(m.settled)
	}
	return m
}

// live is the open window as it stands, or the whole run.
func (r *recorder) live() Window {
	r.mu.Lock()
	defer r.mu.Unlock()
	m := r.open
	if m == nil {
		m = r.total
	}
	return m.window(r.now().Sub(m.began).Seconds())
}

func (r *recorder) sum() Window {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.total.window(r.now().Sub(r.total.began).Seconds())
}

// ticket lets one operation into the window that is open when it begins. What it does counts there, even if it
// settles after the window has closed.
type ticket struct {
	recorder *recorder
	measure  *measure // nil between windows
	quiet    bool     // counts sign-outs only
}

func (r *recorder) enter() ticket {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.open != nil {
		r.open.inFlight++
	}
	return ticket{recorder: r, measure: r.open}
}

func (t ticket) leave() {
	t.recorder.mu.Lock()
	defer t.recorder.mu.Unlock()
	if t.measure == nil {
		return
	}
	t.measure.inFlight--
	if t.measure.closed && t.measure.inFlight == 0 {
		close(t.measure.settled)
	}
}

// window is the name of the window that the operation belongs to, or "".
func (t ticket) window() string {
	if t.measure == nil {
		return ""
	}
	return t.measure.Name
}

func (t ticket) settled(name string, latency time.Duration) {
	t.count(func(m *measure) { m.add(name, latency, "") })
}

func (t ticket) failed(name string, latency time.Duration, why string) {
	t.count(func(m *measure) { m.add(name, latency, why) })
}

func (t ticket) retried()      { t.count(func(m *measure) { m.Retries++ }) }
func (t ticket) acknowledged() { t.count(func(m *measure) { m.Acknowledged++ }) }

func (t ticket) signedOut(expected bool) {
	t.change(func(m *measure) {
		if expected {
			m.ExpectedSignOuts++
		} else {
			m.SignedOut++
		}
	})
}

// count changes the counts, unless the operation is none of the load's.
func (t ticket) count(f func(*measure)) {
	if !t.quiet {
		t.change(f)
	}
}

func (t ticket) change(f func(*measure)) {
	t.recorder.mu.Lock()
	defer t.recorder.mu.Unlock()
	f(t.recorder.total)
	if t.measure != nil {
		f(t.measure)
	}
}

func (m *measure) add(name string, latency time.Duration, failure string) {
	k := m.kinds[name]
	if k == nil {
		k = &kind{latencies: newHistogram(2)}
		m.kinds[name] = k
	}
	m.Requests++
	k.requests++
	record(m.latencies, latency)
	record(k.latencies, latency)
	if failure == "" {
		return
	}
	m.Failed++
	k.failed++
	if len(m.Failures) < maxFailures {
		m.Failures = append(m.Failures, failure)
	}
}

// record keeps what lies beyond the scale at its end: a request that took longer than ten minutes must not vanish.
func record(h *hdrhistogram.Histogram, latency time.Duration) {
	us := max(1, min(latency.Microseconds(), h.HighestTrackableValue()))
	_ = h.RecordValue(us) // within the scale by the line above
}

func (m *measure) window(seconds float64) Window {
	w := m.Window
	w.Seconds = seconds
	w.Failures = append([]string(nil), m.Failures...)
	w.P50, w.P99, w.Max = at(m.latencies, 50), at(m.latencies, 99), at(m.latencies, 100)
	w.ByOperation = make(map[string]Operation, len(m.kinds))
	for name, k := range m.kinds {
		w.ByOperation[name] = Operation{Requests: k.requests, Failed: k.failed, P50: at(k.latencies, 50), P99: at(k.latencies, 99)}
	}
	return w
}

func at(h *hdrhistogram.Histogram, quantile float64) time.Duration {
	return time.Duration(h.ValueAtQuantile(quantile)) * time.Microsecond
}
