package store

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/comments"
	"banyan.dev/features/contracts"
	"banyan.dev/platform/ownership"
)

// away are people who can't be asked.
type away struct{}

func (away) Names(context.Context, []string) (map[string]string, error) {
	return nil, errors.New("planted: accounts are away")
}

// TestWhatIsWrittenIsAnswered: whoever is away by then. Else a client without a key
// would write a second time.
func TestWhatIsWrittenIsAnswered(t *testing.T) {
	t.Parallel()
	s := newSide(t, "comments", ownership.Owner)
	kept := New(NewRows(s.db), Ports{People: away{}, Owner: s.owner, Feed: s.feed})
	c := newComment(contracts.NewID(), contracts.Approved)
	for range 2 { // the second time it is a replay
		created, _, err := kept.Create(t.Context(), c, comments.Effects{}, key("one"))
		require.NoError(t, err)
		require.Equal(t, c.Author, created.Author)
	}
	c.Body = "Better said."
	edited, _, err := kept.Update(t.Context(), c, comments.Effects{}, key("two"))
	require.NoError(t, err)
	require.Equal(t, c.Author, edited.Author)
	edited.Author.Name = ""
	edited, _, err = kept.Update(t.Context(), edited, comments.Effects{}, contracts.Key{})
	require.NoError(t, err, "without a name, too")
	require.Equal(t, c.Author.ID, edited.Author.ID)
	require.Equal(t, 3, edited.Version)
	_, err = kept.Get(t.Context(), c.ID)
	require.Error(t, err, "a read is no write, and may be asked again")
}
