package paging_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

func TestACursorLeadsBackToItsPlace(t *testing.T) {
	place := paging.Place{Time: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC), ID: "0199a1b2-0000-7000-8000-000000000001"}
	got, ok, err := paging.Page{After: place.Cursor()}.Start()
	require.NoError(t, err)
	require.True(t, ok)
	require.Equal(t, place, got)
}

func TestTheFirstPageHasNoPlace(t *testing.T) {
	_, ok, err := paging.Page{}.Start()
	require.NoError(t, err)
	require.False(t, ok)
}

func TestAForeignCursorIsNamed(t *testing.T) {
	for _, cursor := range []string{"!", "bm90IGpzb24", "e30", paging.Place{ID: "not-a-uuid"}.Cursor(), paging.Place{ID: "\x00"}.Cursor()} {
		_, _, err := paging.Page{After: cursor}.Start()
		require.True(t, problem.Is(err, problem.Validation), cursor)
		require.ErrorContains(t, err, cursor)
	}
}

func TestCut(t *testing.T) {
	place := func(s string) paging.Place { return paging.Place{ID: s} }
	full := paging.Cut([]string{"a", "b", "c"}, 2, place)
	require.Equal(t, []string{"a", "b"}, full.Items)
	require.Equal(t, paging.Place{ID: "b"}.Cursor(), full.Next)
	last := paging.Cut([]string{"a", "b"}, 2, place)
	require.Empty(t, last.Next)
	require.NotNil(t, paging.Cut(nil, 2, place).Items)
}
