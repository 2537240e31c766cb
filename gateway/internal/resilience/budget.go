package resilience

import (
	"sync/atomic"
	"time"

	"banyan.dev/gateway/internal/config"
)

// budgetTick is a bucket of a retry budget's window, which is therefore ten seconds
// long, as in Finagle.
const budgetTick = int64(time.Second)

// budget bounds retries to a share of the requests of the last ten seconds and a
// floor per second beside it (Finagle's RetryBudget, which linkerd has too:
// finagle.github.io/blog/2016/02/08/retry-budgets). The floor is a token bucket of one
// second's size. When it is empty, a retry is allowed if the retries beyond the
// floor are, with it, within the share of the requests of the ten seconds up to now.
type budget struct {
	seen  window       // requests, and retries out of the share
	floor atomic.Int64 // the floor's TAT
}

// allowance is a budget's settings.
type allowance struct {
	percent uint64
	floored bool
	floor   rate
}

func newAllowance(c config.Retries) allowance {
	return allowance{
		percent: uint64(max(c.Budget, 0)), floored: c.MinPerSecond > 0,
		floor: newRate(c.MinPerSecond, time.Second, c.MinPerSecond),
	}
}

func tickOf(now int64) uint64 { return uint64(now / budgetTick) }

// deposit counts a first request.
func (b *budget) deposit(a *allowance, now int64) {
	if a.percent > 0 {
		b.seen.add(tickOf(now), 1, 0)
	}
}

// withdraw tells whether one more retry is within the budget, and counts it.
func (b *budget) withdraw(a *allowance, now int64) bool {
	if a.percent == 0 {
		return false
	}
	if a.floored && b.withdrawFloor(a, now) {
		return true
	}
	// Counted first and looked at then: of two at once, both may be refused, but
	// never one too many allowed.
	tick := tickOf(now)
	b.seen.add(tick, 0, 1)
	requests, retries := b.seen.sum(tick)
	if retries*100 <= requests*a.percent {
		return true
	}
	b.seen.undo(tick)
	return false
}

func (b *budget) withdrawFloor(a *allowance, now int64) bool {
	for {
		tat := b.floor.Load()
		next, wait := a.floor.take(tat, now)
		if wait > 0 {
			return false
		}
		if b.floor.CompareAndSwap(tat, next) {
			return true
		}
	}
}
