package ownership_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/platform/ownership"
)

func TestARefusedWriterLearnsWhomToAsk(t *testing.T) {
	err := fmt.Errorf("create comment: %w", &ownership.NotOwnerError{Resource: "comments", Side: "monolith", State: ownership.Follower, Owner: "comments", Epoch: 4})
	owner, epoch, ok := ownership.Elsewhere(err)
	require.True(t, ok)
	require.Equal(t, "comments", owner)
	require.Equal(t, int64(4), epoch)
	for _, other := range []error{nil, errors.New("another"), ownership.ErrUnknown} {
		_, _, ok := ownership.Elsewhere(other)
		require.False(t, ok)
	}
}
