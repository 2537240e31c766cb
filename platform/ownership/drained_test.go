package ownership_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/database"
	"banyan.dev/platform/ownership"
)

func noteMarker(t *testing.T, db *database.DB, resource string, epoch int64, partition, partitions int) {
	t.Helper()
	require.NoError(t, db.InTx(t.Context(), func(tx *gorm.DB) error {
		return ownership.NoteMarker(tx, resource, epoch, partition, partitions)
	}))
}

func TestDrainedNeedsTheMarkerOfEachPartitionOfThisEpoch(t *testing.T) {
	t.Parallel()
	db := open(t, 4)
	missing := func(epoch int64) (text string) {
		require.NoError(t, db.InTx(t.Context(), func(tx *gorm.DB) (err error) {
			text, err = ownership.Drained("comments").Missing(tx, epoch)
			return err
		}))
		return text
	}
	require.Equal(t, "no marker of epoch 3 was applied yet", missing(3))
	for p := range 3 {
		noteMarker(t, db, "comments", 1, p, 3) // of a hand-over that was given up
		noteMarker(t, db, "posts", 3, p, 3)
	}
	require.Contains(t, missing(3), "no marker")
	noteMarker(t, db, "comments", 3, 2, 3)
	noteMarker(t, db, "comments", 3, 0, 3)
	noteMarker(t, db, "comments", 3, 0, 3) // redelivered
	require.Equal(t, "2 of 3 markers of epoch 3 were applied", missing(3))
	noteMarker(t, db, "comments", 3, 1, 3)
	require.Empty(t, missing(3))
	require.Empty(t, missing(1))
	noteMarker(t, db, "comments", 3, 3, 4)
	require.Contains(t, missing(3), "made anew")
}

func TestOwnTellsTheEpoch(t *testing.T) {
	t.Parallel()
	db := open(t, 4)
	s := owner(t, db, config())
	own := func() (epoch int64, err error) {
		err = db.InTx(t.Context(), func(tx *gorm.DB) (err error) {
			epoch, err = s.Own(tx)
			return err
		})
		return epoch, err
	}
	epoch, err := own()
	require.NoError(t, err)
	require.EqualValues(t, 1, epoch)
	put(t, db, ownership.Owner, 7)
	epoch, err = own()
	require.NoError(t, err)
	require.EqualValues(t, 7, epoch)
	put(t, db, ownership.Fenced, 7)
	_, err = own()
	require.ErrorIs(t, err, ownership.ErrNotOwner)
	_, err = s.Own(db.Gorm(t.Context()))
	require.ErrorIs(t, err, ownership.ErrMisuse)
	err = db.InTx(t.Context(), func(tx *gorm.DB) error {
		require.NoError(t, tx.Exec("INSERT INTO letters DEFAULT VALUES").Error)
		_, err := s.Own(tx)
		return err
	})
	require.ErrorIs(t, err, ownership.ErrMisuse)
}

// woken is markers whose publisher wants to know.
type woken struct {
	marks
	db *database.DB
	n  chan int
}

func (w woken) Marked() {
	var n int
	if err := w.db.SQL().QueryRow("SELECT count(*) FROM feed").Scan(&n); err != nil {
		n = -1
	}
	w.n <- n
}

func TestWhoPublishesTheMarkersIsWokenWhenTheyAreCommitted(t *testing.T) {
	t.Parallel()
	db := open(t, 4)
	w := woken{db: db, n: make(chan int, 2)}
	cfg := config()
	cfg.Markers = w
	s := owner(t, db, cfg)
	stale := firstFence
	stale.Epoch = 5
	_, err := s.Do(t.Context(), stale)
	require.ErrorIs(t, err, ownership.ErrStale)
	_, err = s.Do(t.Context(), firstFence)
	require.NoError(t, err)
	require.Equal(t, 1, <-w.n, "others see the marker then")
	require.Empty(t, w.n, "once, and not for what was refused")
}
