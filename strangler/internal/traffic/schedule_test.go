package traffic

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestTheRateIsOfRequestsNotOfOperations(t *testing.T) {
	began := time.Unix(0, 0)
	s := newSchedule(200, rand.New(rand.NewPCG(1, 2)))
	s.restart(began)
	requests := 0
	for s.next().Before(began.Add(100 * time.Second)) {
		requests += 3
		s.spent(3)
	}
	assert.InEpsilon(t, 20_000, requests, 0.05)
}

func TestArrivalsDoNotWaitForAnswers(t *testing.T) {
	began := time.Unix(0, 0)
	s := newSchedule(50, rand.New(rand.NewPCG(1, 2)))
	s.restart(began)
	var last time.Time
	for range 500 {
		due := s.next()
		assert.False(t, due.Before(last))
		last = due
	}
	assert.InEpsilon(t, 10, last.Sub(began).Seconds(), 0.2, "500 at 50/s, though nothing was answered")
}

func TestRateZeroIsAtOnce(t *testing.T) {
	assert.True(t, newSchedule(0, rand.New(rand.NewPCG(1, 2))).next().IsZero())
}
