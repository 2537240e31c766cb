package untangled_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/monolith/internal/boundary"
	"banyan.dev/monolith/internal/storetest"
	"banyan.dev/monolith/internal/tangle"
	"banyan.dev/monolith/internal/untangled"
	"banyan.dev/platform/database"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// watched runs the whole suite over an implementation and returns what it touched.
func watched(t *testing.T, of func(*database.DB) storetest.All) []boundary.Touched {
	t.Helper()
	var recorder boundary.Recorder
	database := storetest.Databases(t, recorder.Logger(nil))
	storetest.Run(t, func(t *testing.T) storetest.Stores { return storetest.Of(of(database(t))) })
	touched, err := boundary.Judge(t.Context(), storetest.URL(t), recorder.Statements())
	require.NoError(t, err)
	require.Greater(t, len(touched), 50, "the suite runs many different statements")
	return touched
}

// The features' own stores pass the suite of the tangle, and no statement of theirs
// touches a table that is not their feature's: not two features', nor another's alone.
func TestEachStoreKeepsToItsOwnTables(t *testing.T) {
	touched := watched(t, func(db *database.DB) storetest.All { return untangled.New(db) })
	for _, crossing := range boundary.Crossing(touched) {
		t.Error("two features in one statement: ", crossing)
	}
	for _, stray := range boundary.Strays(touched) {
		t.Error("not one feature's own tables: ", stray)
	}
}

// What the test above would say of the tangle, by which one sees that it can say it.
func TestTheTangleIsFound(t *testing.T) {
	where := map[string]bool{}
	for _, s := range boundary.Crossing(watched(t, func(db *database.DB) storetest.All { return tangle.New(db) })) {
		t.Log(s)
		where[s.From] = true
	}
	for _, from := range []string{
		"getPost", "listPosts", "getComment", "commentStore.List", "latestComments", "feedStore.Search",
		"moderationStore.Queue", "notificationStore.List", "notificationStore.Since", "closeUnder",
	} {
		require.True(t, where["banyan.dev/monolith/internal/tangle."+from], "%s joins features, and is not found; found are %v", from, where)
	}
}
