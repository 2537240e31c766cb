package accounts

import (
	"crypto/sha256"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// The bounds of guessing. Per account they count by address, so that nobody can
// lock somebody else out: the owner still gets in from where they are.
const (
	failWindow        = 15 * time.Minute
	maxFailsOfAccount = 10  // of one account from one address
	maxFailsOfAddress = 100 // of all accounts from one address
	maxCounters       = 100_000
)

// Throttled says that too many passwords were wrong lately.
type Throttled struct {
	After time.Duration // until the next attempt is allowed
}

// Error names the wait.
func (t *Throttled) Error() string {
	return fmt.Sprintf("too many wrong passwords: try again in %s", max(t.After, time.Second).Round(time.Second))
}

// Throttle bounds wrong passwords, per address and per account and address. It
// counts in this process: with n replicas somebody who is sent to all of them has n
// times the attempts, until one identity service counts for all. It is safe for
// concurrent use and keeps at most maxCounters counters.
type Throttle struct {
	mu       sync.Mutex
	counters map[[sha256.Size]byte]*counter
	now      func() time.Time
}

// counter is a window that begins with the first failure in it.
type counter struct {
	since time.Time
	fails int
}

// NewThrottle returns a throttle that has seen nothing.
func NewThrottle(now func() time.Time) *Throttle {
	return &Throttle{counters: map[[sha256.Size]byte]*counter{}, now: now}
}

// Attempt is one try of a password. It counts as a failure from the beginning, so
// that a thousand at once are not a thousand before the first has failed.
type Attempt struct {
	throttle *Throttle
	keys     [2][sha256.Size]byte
}

// Attempt notes a try, or returns a *Throttled error.
func (t *Throttle) Attempt(email, address string) (Attempt, error) {
	network := networkOf(address)
	a := Attempt{t, [2][sha256.Size]byte{
		sha256.Sum256([]byte("account\x00" + network + "\x00" + strings.ToLower(strings.TrimSpace(email)))),
		sha256.Sum256([]byte("address\x00" + network)),
	}}
	limits := [2]int{maxFailsOfAccount, maxFailsOfAddress}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	for i, key := range a.keys {
		if c := t.live(key, now); c != nil && c.fails >= limits[i] {
			return Attempt{}, &Throttled{After: c.since.Add(failWindow).Sub(now)}
		}
	}
	for _, key := range a.keys {
		t.count(key, now)
	}
	return a, nil
}

// Succeeded forgets the account's failures from here, and takes this try back from
// the address's.
func (a Attempt) Succeeded() {
	a.throttle.mu.Lock()
	defer a.throttle.mu.Unlock()
	delete(a.throttle.counters, a.keys[0])
	a.throttle.takeBack(a.keys[1])
}

// Forget takes the try back: it ended before the password was compared.
func (a Attempt) Forget() {
	a.throttle.mu.Lock()
	defer a.throttle.mu.Unlock()
	for _, key := range a.keys {
		a.throttle.takeBack(key)
	}
}

func (t *Throttle) takeBack(key [sha256.Size]byte) {
	if c := t.counters[key]; c != nil && c.fails > 0 {
		c.fails--
	}
}

// live returns the counter if its window has not ended.
func (t *Throttle) live(key [sha256.Size]byte, now time.Time) *counter {
	c := t.counters[key]
	if c == nil || now.Sub(c.since) < failWindow {
		return c
	}
	delete(t.counters, key)
	return nil
}

func (t *Throttle) count(key [sha256.Size]byte, now time.Time) {
	c := t.live(key, now)
	if c == nil {
		t.makeRoom(now)
		c = &counter{since: now}
		t.counters[key] = c
	}
	c.fails++
}

// makeRoom keeps memory bounded under a flood: first what has ended goes, then
// whatever comes up.
func (t *Throttle) makeRoom(now time.Time) {
	if len(t.counters) < maxCounters {
		return
	}
	for key := range t.counters {
		t.live(key, now)
	}
	for key := range t.counters {
		if len(t.counters) < maxCounters*9/10 {
			return
		}
		delete(t.counters, key)
	}
}

// networkOf is the address that counts: one person has a whole /64 of IPv6.
func networkOf(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil || ip.Unmap().Is4() {
		return address
	}
	return netip.PrefixFrom(ip.WithZone(""), 64).Masked().String()
}
