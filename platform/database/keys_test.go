package database_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"gorm.io/gorm"

	"banyan.dev/platform/database"
	"banyan.dev/platform/embedded/embeddedtest"
	"banyan.dev/platform/problem"
)

var things = database.Keys{Table: "thing_keys", Target: "thing_id"}

const (
	one = "00000000-0000-7000-8000-000000000001"
	two = "00000000-0000-7000-8000-000000000002"
)

func withKeys(t *testing.T) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), database.Config{URL: embeddedtest.Database(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Gorm(t.Context()).Exec(`CREATE TABLE thing_keys (author_id uuid, key text, hash bytea, thing_id uuid, PRIMARY KEY (author_id, key))`).Error)
	return db
}

func claim(ctx context.Context, db *database.DB, author, value, hash, target string) (known string, err error) {
	err = db.InTx(ctx, func(tx *gorm.DB) error {
		known, err = things.Claim(tx, author, value, []byte(hash), target)
		return err
	})
	return known, err
}

func TestAKeyStandsForWhatItMadeFirst(t *testing.T) {
	db := withKeys(t)
	for _, c := range []struct{ author, value, hash, target, known string }{
		{one, "k", "h", one, ""},
		{one, "k", "h", two, one},
		{two, "k", "h", two, ""}, // somebody else's
		{one, "", "h", two, ""},  // is no key
		{one, "", "h", two, ""},
	} {
		known, err := claim(t.Context(), db, c.author, c.value, c.hash, c.target)
		require.NoError(t, err)
		require.Equal(t, c.known, known, "%+v", c)
	}
	_, err := claim(t.Context(), db, one, "k", "another", two)
	require.Equal(t, problem.KeyReused, problem.KindOf(err))
	require.Equal(t, problem.NotFound, problem.KindOf(database.KeyGone(problem.New(problem.NotFound, "no thing"))))
	require.ErrorIs(t, database.KeyGone(err), err)
}

func TestOfManyWhoClaimAKeyOneMakesSomething(t *testing.T) {
	db := withKeys(t)
	var all sync.WaitGroup
	first := make(chan string, 8)
	for range cap(first) {
		all.Go(func() {
			if known, err := claim(t.Context(), db, one, "k", "h", two); err != nil || known == "" {
				first <- known
			}
		})
	}
	all.Wait()
	require.Len(t, first, 1)
}

func TestIDsAreOneParameterHoweverMany(t *testing.T) {
	db := withKeys(t)
	for _, id := range []string{one, two} {
		_, err := claim(t.Context(), db, id, "k", "h", id)
		require.NoError(t, err)
	}
	for _, ids := range [][]string{nil, {one}, {one, two, one}} {
		var n int64
		require.NoError(t, db.Gorm(t.Context()).Table("thing_keys").Where("thing_id = ANY(?)", database.UUIDs(ids)).Count(&n).Error)
		require.EqualValues(t, min(len(ids), 2), n)
	}
	require.Error(t, db.Gorm(t.Context()).Exec("DELETE FROM thing_keys WHERE thing_id = ANY(?)", database.UUIDs{"},{'; --"}).Error)
}
