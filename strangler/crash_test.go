package main_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/embedded/kafkatest"
)

// The matrix of crashes: who is killed, when, on which way, and what is done about it.
const (
	theTool     = "the tool"
	theGateway  = "the gateway"
	oldOwner    = "the old owner"
	newOwner    = "the new owner"
	theRelay    = "the relay"
	theBroker   = "kafka"
	theDatabase = "postgres"
)

var victims = []string{theTool, theGateway, oldOwner, newOwner, theRelay, theBroker, theDatabase}

// moment is a place between two steps of a hand-over, and the line that the tool tells
// there: after the one and before the other.
type moment struct{ name, line string }

var moments = []moment{
	{"in the rehearsal", "hand-over: rehearses"},
	{"before the hold", "hand-over: begins"},
	{"after the hold", "hand-over: held"},
	{"after the fence", "move=fence"},
	{"after the take", "move=take"},
	{"after the routes", "hand-over: routed"},
	{"before the demotion", "hand-over: released"},
}

// pass is one cell of the matrix.
type pass struct {
	victim string
	at     moment
	to     string // who was to own
	back   bool   // afterwards the other side is to; else the same command goes on
}

func (p pass) String() string {
	then := "goes on"
	if p.back {
		then = "goes back"
	}
	return fmt.Sprintf("%s dies %s on the way to %s, which %s", p.victim, p.at.name, p.to, then)
}

// comes tells whether the moment comes after (or at) another one.
func (p pass) comes(name string) bool {
	of := func(name string) int {
		return slices.IndexFunc(moments, func(m moment) bool { return m.name == name })
	}
	return of(p.at.name) >= of(name)
}

// goesThrough tells whether the hand-over can be done without the victim, so that the
// command that it dies under must do it: nobody is in the way of a relay's successor,
// and routes are in a file. What only demotes the old owner can wait for it.
func (p pass) goesThrough() bool {
	switch p.victim {
	case theGateway:
		return p.comes("after the fence")
	case theRelay:
		return true
	case theBroker:
		return p.comes("after the take")
	default:
		return false
	}
}

// goal is who is to own in the end.
func (p pass) goal() string {
	if p.back {
		return otherSide(p.to)
	}
	return p.to
}

func otherSide(side string) string {
	return map[string]string{"monolith": "comments", "comments": "monolith"}[side]
}

// matrix is every victim at each moment on both ways, in a random order. By turns the
// same command goes on, and the opposite one; the next seed has it the other way round.
func matrix(seed uint64) []pass {
	var all []pass
	for v, victim := range victims {
		for m, at := range moments {
			for d, to := range []string{"monolith", "comments"} {
				all = append(all, pass{victim, at, to, (uint64(v+m+d)+seed)%2 == 0})
			}
		}
	}
	rnd := rand.New(rand.NewPCG(seed, 0))
	rnd.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// chosen are the passes that are played: one for each victim, unless BANYAN_CRASHES is
// "all", a number for each victim, or words that a pass's name has, with commas.
func chosen(t *testing.T, all []pass) []pass {
	t.Helper()
	which := os.Getenv("BANYAN_CRASHES")
	each := 1
	if n, err := strconv.Atoi(which); err == nil {
		each = n
	} else if which != "" {
		words := strings.Split(strings.TrimPrefix(which, "all"), ",")
		all = slices.DeleteFunc(all, func(p pass) bool {
			return slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(p.String(), strings.TrimSpace(w)) })
		})
		each = len(all)
	}
	var some []pass
	had := map[string]int{}
	for _, p := range all {
		if had[p.victim]++; had[p.victim] <= each {
			some = append(some, p)
		}
	}
	require.NotEmpty(t, some, "BANYAN_CRASHES is %q: no pass is called so", which)
	return some
}

// seed is random, and told, so that a failure can be repeated.
func seed(t *testing.T) uint64 {
	t.Helper()
	given := os.Getenv("BANYAN_CRASHES_SEED")
	if given == "" {
		return uint64(time.Now().UnixNano()) % 1_000_000
	}
	n, err := strconv.ParseUint(given, 10, 64)
	require.NoError(t, err, "BANYAN_CRASHES_SEED")
	return n
}

// TestWhoeverDiesWhileItIsHandedOver: kill -9 of everybody who has a part in a hand-over,
// at each of its moments, both ways, under users who write; then the same command goes
// on, or the opposite one. There is exactly one owner afterwards, of whom all know, and
// nothing acknowledged is lost or there twice.
//
// BANYAN_CRASHES=all plays the whole matrix, a number so many passes for each victim, and
// words those whose names have them ("kafka, after the fence"). BANYAN_CRASHES_SEED
// repeats a run's order.
func TestWhoeverDiesWhileItIsHandedOver(t *testing.T) {
	t.Parallel()
	n := seed(t)
	t.Logf("BANYAN_CRASHES_SEED=%d", n)
	left := chosen(t, matrix(n))
	if kafkatest.Given() != "" { // which is nobody's to kill
		left = slices.DeleteFunc(left, func(p pass) bool { return p.victim == theBroker })
	}
	c := newCrashes(t, 12)
	for i := 1; len(left) > 0; i++ {
		var p pass
		p, left = next(left, c.owner)
		began := time.Now()
		c.play(p)
		if i%10 == 0 {
			c.readBack(p.String())
		}
		t.Logf("%3d. %s: %s; %.1f s", i, p, c.noticed, time.Since(began).Seconds())
	}
	c.conclude()
}

// next is a pass that begins with the owner at hand, if there is one: any other needs a
// hand-over in peace before it.
func next(left []pass, owner string) (pass, []pass) {
	i := max(0, slices.IndexFunc(left, func(p pass) bool { return p.to != owner }))
	p := left[i]
	return p, slices.Delete(left, i, i+1)
}
