package feed_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/features/feed"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

// asked notes what was looked for.
type asked struct {
	feed.Store
	query string
}

func (a *asked) Search(_ context.Context, query string, _ paging.Page) (paging.List[feed.Hit], error) {
	a.query = query
	return paging.List[feed.Hit]{}, nil
}

func TestAQueryIsTrimmedAndBounded(t *testing.T) {
	store := &asked{}
	s := feed.NewService(store)
	_, err := s.Search(t.Context(), "  fig tree ", paging.Page{})
	require.NoError(t, err)
	require.Equal(t, "fig tree", store.query)
	_, err = s.Search(t.Context(), strings.Repeat("ü", 200), paging.Page{})
	require.NoError(t, err)
	for _, query := range []string{"", " \t", strings.Repeat("ü", 201), "a\x00b", "a\xffb"} {
		_, err := s.Search(t.Context(), query, paging.Page{})
		require.True(t, problem.Is(err, problem.Validation), "%q", query)
	}
}
