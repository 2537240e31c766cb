package resilience

import "sync/atomic"

// slots is how many buckets a window has. The one at work is partly over, so a
// window of ten looks back over between nine and ten tenths of its length.
const slots = 10

// Each bucket is one word, so that it is counted in, and begun anew, by one
// compare-and-swap: 24 bits of the tick it belongs to, and two counts of 20 bits.
const (
	countBits = 20
	countMax  = 1<<countBits - 1
	tickMask  = 1<<24 - 1
)

// window keeps two counts over the last ten ticks. What a tick is, the user says.
// It is safe for concurrent use; its zero value is ready.
type window struct{ buckets [slots]atomic.Uint64 }

func pack(tick, a, b uint64) uint64 { return tick&tickMask<<(2*countBits) | a<<countBits | b }

func unpack(word uint64) (tick, a, b uint64) {
	return word >> (2 * countBits), word >> countBits & countMax, word & countMax
}

// add counts in the tick's bucket. A bucket that is full keeps its proportion at
// half the counts. A tick that is already out of the window is not counted.
func (w *window) add(tick, a, b uint64) {
	bucket := &w.buckets[tick%slots]
	for {
		old := bucket.Load()
		at, x, y := unpack(old)
		switch age := (tick - at) & tickMask; {
		case age > tickMask/2:
			return
		case age > 0:
			x, y = 0, 0
		case x+a > countMax || y+b > countMax:
			x, y = x/2, y/2
		}
		if bucket.CompareAndSwap(old, pack(tick, x+a, y+b)) {
			return
		}
	}
}

// undo takes one off the second count of the tick's bucket, if it is still there.
func (w *window) undo(tick uint64) {
	bucket := &w.buckets[tick%slots]
	for {
		old := bucket.Load()
		at, a, b := unpack(old)
		if at != tick&tickMask || b == 0 || bucket.CompareAndSwap(old, pack(tick, a, b-1)) {
			return
		}
	}
}

// sum adds up the buckets that are in the window at the tick.
func (w *window) sum(tick uint64) (a, b uint64) {
	for i := range w.buckets {
		at, x, y := unpack(w.buckets[i].Load())
		if (tick-at)&tickMask < slots {
			a, b = a+x, b+y
		}
	}
	return a, b
}
