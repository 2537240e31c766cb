package kafkatest_test

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/embedded/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestABrokerOfTheTestsOwnEndsWithIt(t *testing.T) {
	t.Setenv(kafkatest.Variable, "")
	var address string
	t.Run("with it", func(t *testing.T) {
		address = kafkatest.Start(t)
		kafkatest.OwnOnly(t)
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	})
	_, err := new(net.Dialer).DialContext(context.Background(), "tcp", address)
	require.Error(t, err)
}

func TestAGivenBrokerIsUsed(t *testing.T) {
	t.Setenv(kafkatest.Variable, "kafka.example:9092")
	require.Equal(t, "kafka.example:9092", kafkatest.Start(t))
	skipped := false
	t.Run("breaks it", func(t *testing.T) {
		defer func() { skipped = t.Skipped() }()
		kafkatest.OwnOnly(t)
	})
	require.True(t, skipped)
	require.NotEqual(t, kafkatest.Unique("a"), kafkatest.Unique("a"))
}
