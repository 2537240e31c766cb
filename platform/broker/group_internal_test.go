package broker

import (
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

// Three members that come one after another, each as late as can be, and one that is
// missing: the first still waits when the group stops waiting for the missing one.
func TestMembersWaitLongerThanTheGroupForThoseWhoAreMissing(t *testing.T) {
	b, err := New(Config{Addrs: []string{"127.0.0.1:1"}})
	require.NoError(t, err)
	defer b.Close()
	cfg, err := ConsumerConfig{Group: "g", Topics: []string{"t"}}.check()
	require.NoError(t, err)
	is := b.groupConfig(cfg, kafka.FirstOffset, nil)
	waits := is.Timeout + is.RebalanceTimeout
	require.Greater(t, waits, 3*is.RebalanceTimeout)
	require.GreaterOrEqual(t, is.RebalanceTimeout-is.HeartbeatInterval, 4*time.Second, "what handlers have to return, once they hear of it")
}
