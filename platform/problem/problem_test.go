package problem_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/problem"
)

func TestKindIsFoundThroughWrapping(t *testing.T) {
	err := fmt.Errorf("get post: %w", problem.New(problem.NotFound, "there is no post %s", "p-1"))
	require.True(t, problem.Is(err, problem.NotFound))
	require.False(t, problem.Is(err, problem.Forbidden))
	require.Equal(t, problem.Internal, problem.KindOf(errors.New("connection refused")))
	require.False(t, problem.Is(nil, problem.Internal), "no error is no problem")
}

func TestFieldsAreToldTogether(t *testing.T) {
	var f problem.Fields
	require.NoError(t, f.Err())
	f.Add("title", "is empty: give it a few words")
	f.Add("tags[0]", "%q has a space: write %q", "two words", "two-words")
	var e *problem.Error
	require.ErrorAs(t, f.Err(), &e)
	require.Equal(t, problem.Validation, e.Kind)
	require.Len(t, e.Fields, 2)
	require.Equal(t, `"two words" has a space: write "two-words"`, e.Fields[1].Detail)
}
