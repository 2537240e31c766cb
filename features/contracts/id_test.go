package contracts_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"banyan.dev/features/contracts"
)

// An id is what the library reads as a UUID, in the one form that it writes.
func TestAnIdHasOneForm(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		s := rapid.OneOf(
			rapid.Custom(func(r *rapid.T) string {
				return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(r, "bytes")).String()
			}),
			rapid.StringMatching(`[0-9a-fA-F]{8}-[0-9a-fg]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
			rapid.StringMatching(`(urn:uuid:|\{)?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{11,13}\}?`),
			rapid.StringN(0, 40, 40),
		).Draw(r, "text")
		id, err := uuid.Parse(s)
		require.Equal(r, err == nil && id.String() == s, contracts.IsID(s), "%q", s)
	})
	require.Zero(t, testing.AllocsPerRun(100, func() { contracts.IsID("0195f0c4-0000-7000-8000-000000000001") }))
}
