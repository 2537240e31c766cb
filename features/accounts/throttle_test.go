package accounts_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/accounts"
)

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) Now() time.Time { return c.now }

func newClock() *clock { return &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

func guess(t *accounts.Throttle, email, address string, times int) error {
	for range times {
		if _, err := t.Attempt(email, address); err != nil {
			return err
		}
	}
	return nil
}

func TestGuessingOneAccountEndsAndItsOwnerStillGetsIn(t *testing.T) {
	time := newClock()
	throttle := accounts.NewThrottle(time.Now)
	require.NoError(t, guess(throttle, "ada@example.org", "203.0.113.9", 10))

	err := guess(throttle, " ADA@example.org ", "203.0.113.9", 1)
	var throttled *accounts.Throttled
	require.True(t, errors.As(err, &throttled))
	require.EqualValues(t, 15*60, throttled.After.Seconds())

	require.NoError(t, guess(throttle, "ada@example.org", "198.51.100.7", 1), "from elsewhere")
	require.NoError(t, guess(throttle, "eve@example.org", "203.0.113.9", 1), "another account from there")
}

func TestGuessingManyAccountsFromOneAddressEnds(t *testing.T) {
	throttle := accounts.NewThrottle(newClock().Now)
	for i := range 100 {
		require.NoError(t, guess(throttle, fmt.Sprintf("user-%d@example.org", i), "2001:db8::1", 1))
	}
	require.Error(t, guess(throttle, "one-more@example.org", "2001:db8::1", 1))
	require.Error(t, guess(throttle, "one-more@example.org", "2001:db8::ffff:2", 1), "the same /64 is the same person")
	require.NoError(t, guess(throttle, "one-more@example.org", "2001:db8:0:1::1", 1))
}

func TestTheWindowEnds(t *testing.T) {
	c := newClock()
	throttle := accounts.NewThrottle(c.Now)
	require.Error(t, guess(throttle, "a@example.org", "192.0.2.1", 11))
	c.now = c.now.Add(15 * time.Minute)
	require.NoError(t, guess(throttle, "a@example.org", "192.0.2.1", 1))
}

func TestSuccessForgets(t *testing.T) {
	throttle := accounts.NewThrottle(newClock().Now)
	require.NoError(t, guess(throttle, "a@example.org", "192.0.2.1", 9))
	attempt, err := throttle.Attempt("a@example.org", "192.0.2.1")
	require.NoError(t, err)
	attempt.Succeeded()
	require.NoError(t, guess(throttle, "a@example.org", "192.0.2.1", 10))
}

func TestSigningInOftenIsNoGuessing(t *testing.T) {
	throttle := accounts.NewThrottle(newClock().Now)
	for range 1000 {
		attempt, err := throttle.Attempt("a@example.org", "192.0.2.1")
		require.NoError(t, err)
		attempt.Succeeded()
	}
}
