package reconcile_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/reconcile"
)

// story is what the two sides' rows are at each moment of a comparison, on a clock of
// its own.
type story struct {
	owner, follower *memory
	began           time.Time
}

// told compares while at tells what the sides have after so long.
func told(t *testing.T, opts reconcile.Options, at func(s *story, after time.Duration)) (report reconcile.Report) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := &story{&memory{rows: map[reconcile.Key]reconcile.Row{}}, &memory{rows: map[reconcile.Key]reconcile.Row{}}, time.Now()}
		for i := range 1000 {
			s.owner.put(i, 1, "as it was")
			s.follower.put(i, 1, "as it was")
		}
		s.owner.before = func(question string) {
			if question != "split" && question != "kinds" { // of the two that are asked at once, this one sets the scene
				at(s, time.Since(s.began))
			}
		}
		s.follower.before = func(string) { synctest.Wait() }
		var err error
		report, err = reconcile.Compare(t.Context(), s.owner, s.follower, opts)
		require.NoError(t, err)
	})
	return report
}

func TestWhatBecomesEqualIsExplained(t *testing.T) {
	t.Parallel()
	report := told(t, reconcile.Options{}, func(s *story, after time.Duration) {
		s.owner.put(7, 2, "edited")
		s.owner.put(1001, 1, "new")
		delete(s.owner.rows, reconcile.Key{Kind: "thing", Place: place(8)})
		if after > 3*time.Second {
			s.follower.put(7, 2, "edited")
			s.follower.put(1001, 1, "new")
			delete(s.follower.rows, reconcile.Key{Kind: "thing", Place: place(8)})
		}
	})
	require.True(t, report.Clean())
	require.Equal(t, 3, report.Explained())
	require.Equal(t, 3, report.Kinds[0].Looked)
	require.Less(t, time.Duration(report.Took), 5*time.Second, "no longer than needed")
}

func TestWhatStaysIsADifference(t *testing.T) {
	t.Parallel()
	report := told(t, reconcile.Options{Again: 30 * time.Second}, func(s *story, after time.Duration) {
		s.owner.put(7, 3, "edited")
		s.follower.put(8, 2, "out of nowhere")
		if after > 31*time.Second {
			s.follower.put(7, 3, "edited")
		}
	})
	require.ElementsMatch(t, []string{line("thing", place(7), "", reconcile.Older), line("thing", place(8), "", reconcile.Newer)}, named(report))
	require.Equal(t, 30*time.Second, time.Duration(report.Took), "until the bound, and one look then")
}

func TestARowThatNeverRests(t *testing.T) {
	t.Parallel()
	steps := func(after time.Duration) int64 { return 100 + int64(after/(10*time.Millisecond)) }
	for name, c := range map[string]struct {
		follower func(after time.Duration) (version int64, content string)
		want     []string
	}{
		"and a follower that goes along": {func(after time.Duration) (int64, string) {
			v := steps(after - 500*time.Millisecond)
			return v, fmt.Sprint("edit ", v)
		}, nil},
		"and a follower that stands still": {func(time.Duration) (int64, string) { return 1, "as it was" },
			[]string{line("thing", place(7), "", reconcile.Older)}},
		"and a follower that goes along with other words": {func(after time.Duration) (int64, string) { return steps(after), "other words" },
			[]string{line("thing", place(7), "", reconcile.Content)}},
		"and a follower that falls behind": {func(after time.Duration) (int64, string) { return steps(after/100) - 50, "edit" },
			[]string{line("thing", place(7), "", reconcile.Older)}},
		"and a follower that runs away": {func(after time.Duration) (int64, string) { return 1_000_000 + steps(after), "edit" },
			[]string{line("thing", place(7), "", reconcile.Newer)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			report := told(t, reconcile.Options{}, func(s *story, after time.Duration) {
				s.owner.put(7, steps(after), fmt.Sprint("edit ", steps(after)))
				version, content := c.follower(after)
				s.follower.put(7, version, content)
			})
			require.ElementsMatch(t, c.want, named(report))
			require.Equal(t, 1, report.Kinds[0].Looked)
			require.Equal(t, 1-len(c.want), report.Kinds[0].Moving)
		})
	}
}

// TestANewRowThatNeverRests: at the first look the follower does not have it yet.
func TestANewRowThatNeverRests(t *testing.T) {
	t.Parallel()
	version := func(after time.Duration) int64 { return 1 + int64(after/(10*time.Millisecond)) }
	report := told(t, reconcile.Options{}, func(s *story, after time.Duration) {
		s.owner.put(1001, version(after), fmt.Sprint("edit ", version(after)))
		if lag := 500 * time.Millisecond; after > lag {
			s.follower.put(1001, version(after-lag), fmt.Sprint("edit ", version(after-lag)))
		}
	})
	require.Empty(t, named(report))
	require.Equal(t, 1, report.Kinds[0].Moving)
}

func TestASingleLookIsEnoughWhenNobodyWrites(t *testing.T) {
	t.Parallel()
	report := told(t, reconcile.Options{Again: -1}, func(s *story, _ time.Duration) { s.owner.put(7, 2, "edited") })
	require.Len(t, report.Differences, 1)
	require.Zero(t, report.Took)
}

func TestSidesThatHashOtherwiseAreNotCompared(t *testing.T) {
	t.Parallel()
	_, err := reconcile.Compare(t.Context(), &memory{form: "1"}, &memory{form: "2"}, reconcile.Options{Resource: "things"})
	require.ErrorContains(t, err, "compare things: the sides don't make the same of their rows")
	_, err = reconcile.Compare(t.Context(), &memory{}, &memory{}, reconcile.Options{Resource: "things", Kinds: []string{"thing", "song"}})
	require.ErrorContains(t, err, `there is no kind "song": use thing`)
	_, err = reconcile.Compare(t.Context(), &memory{}, &memory{}, reconcile.Options{Concurrency: 1000})
	require.ErrorContains(t, err, "Concurrency 1000 can't be")
}
