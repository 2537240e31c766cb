package lab

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// result is one that had something to show.
func result(c Counts) Result {
	c.Acknowledged = 100
	return Result{Counts: c, Rounds: 2, Killed: 20, Unanswered: 30}
}

func TestARedDemoMustBeSeenToFail(t *testing.T) {
	red := both()
	ok, says := red.verdict(result(Counts{}), 3)
	require.False(t, ok)
	require.Equal(t, "DID NOT FAIL: its failure was seen 0 times in 2 rounds, not 3", says)

	ok, says = red.verdict(result(Counts{Unheard: 2, Lost: 2}), 3)
	require.False(t, ok, says)

	ok, says = red.verdict(result(Counts{Lost: 50, Differing: 9}), 3)
	require.False(t, ok, "another failure than the one that it is about: %s", says)

	ok, says = red.verdict(result(Counts{Unheard: 3, Lost: 3}), 3)
	require.True(t, ok)
	require.Equal(t, "failed, as it must", says)
}

func TestTheStepsHoldOnlyWithoutAnyFault(t *testing.T) {
	for name, c := range map[string]Counts{
		"lost": {Lost: 1}, "twice": {Twice: 1}, "invented": {Invented: 1}, "back": {Back: 1}, "differing": {Differing: 1},
	} {
		c.Moves = 4
		ok, says := steps().verdict(result(c), 3)
		require.False(t, ok, name)
		require.Equal(t, "DID NOT HOLD: 1 fault", says, name)
	}
	ok, says := steps().verdict(result(Counts{Moves: 4, Unknown: 7}), 3)
	require.True(t, ok, says)
	require.Equal(t, "holds, over 4 hand-overs (0 given up and tried again)", says)
}

// A run in which nothing happened is no proof, whatever it is of.
func TestWhatShowsNothingIsNotTakenForAProof(t *testing.T) {
	for _, w := range []way{both(), steps()} {
		full := result(Counts{Unheard: 9, Lost: 9})
		if !w.red {
			full = result(Counts{Moves: 2})
		}
		ok, says := w.verdict(full, 3)
		require.True(t, ok, says)

		for _, empty := range []func(*Result){
			func(r *Result) { r.Acknowledged = 0 },
			func(r *Result) { r.Killed = 0 },
			func(r *Result) { r.Unanswered = 0 },
		} {
			r := full
			empty(&r)
			ok, says := w.verdict(r, 3)
			require.False(t, ok)
			require.Contains(t, says, "SHOWS NOTHING")
		}
	}
	ok, says := steps().verdict(result(Counts{Moves: 1}), 3)
	require.False(t, ok)
	require.Equal(t, "SHOWS NOTHING: ownership was not moved forward and back", says)
}
