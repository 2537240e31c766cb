package backfill

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"
)

func TestCompleteNeedsEachChunkOfTheNewestRun(t *testing.T) {
	t.Parallel()
	r := newRig(t, 0)
	note := func(run string, partition, number int, last bool) {
		t.Helper()
		require.NoError(t, r.db.InTx(t.Context(), func(tx *gorm.DB) error { return Note(tx, "things", run, partition, 2, number, last) }))
	}
	missing := func() (text string) {
		require.NoError(t, r.db.InTx(t.Context(), func(tx *gorm.DB) (err error) {
			text, err = Complete("things").Missing(tx, 1)
			return err
		}))
		return text
	}
	first, second := newRun(t), newRun(t)
	require.Contains(t, missing(), "no backfill of things was applied here")
	note(first, 0, 1, false)
	require.Contains(t, missing(), "partition 0 is not at its end (1 chunks)")
	require.Contains(t, missing(), "1 of 2 partitions have nothing")
	note(first, 0, 3, true)
	note(first, 1, 1, true)
	require.Contains(t, missing(), "partition 0 lacks 1 of 3 chunks")
	note(first, 0, 2, false)
	note(first, 0, 2, false) // redelivered
	require.Empty(t, missing())
	of := func(run string) (text string) {
		require.NoError(t, r.db.InTx(t.Context(), func(tx *gorm.DB) (err error) {
			text, err = Missing(tx, "things", run)
			return err
		}))
		return text
	}
	require.Empty(t, of(first))
	require.Contains(t, of(second), "nothing of the backfill "+second, "the run before is no answer to who waits for this one")
	note(second, 1, 1, true)
	require.Contains(t, missing(), second)
	require.Contains(t, of(second), "1 of 2 partitions have nothing")
	note(second, 0, 1, true)
	require.Empty(t, missing())
	note(first, 0, 4, false) // a late one of the run before says nothing
	require.Empty(t, missing())
	require.NoError(t, r.db.InTx(t.Context(), func(tx *gorm.DB) error {
		text, err := Complete("others").Missing(tx, 1)
		require.Contains(t, text, "others")
		return err
	}))
}
