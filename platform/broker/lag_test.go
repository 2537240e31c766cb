package broker_test

import (
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"banyan.dev/platform/broker"
)

// TestTheLagIsAskedAgainUntilThereIsACoordinator: a fresh Kafka knows none for the first
// group that anybody names.
func TestTheLagIsAskedAgainUntilThereIsACoordinator(t *testing.T) {
	c, b := breakable(t)
	refusals := []*kerr.Error{kerr.CoordinatorNotAvailable, kerr.CoordinatorLoadInProgress, kerr.NotCoordinator}
	var asked atomic.Int64
	c.ControlKey(int16(kmsg.OffsetFetch), func(k kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		n := int(asked.Add(1)) - 1
		if n >= len(refusals) {
			return nil, nil, false
		}
		request := k.(*kmsg.OffsetFetchRequest)
		answer := request.ResponseKind().(*kmsg.OffsetFetchResponse)
		answer.ErrorCode = refusals[n].Code
		for _, g := range request.Groups {
			one := kmsg.NewOffsetFetchResponseGroup()
			one.Group, one.ErrorCode = g.Group, refusals[n].Code
			answer.Groups = append(answer.Groups, one)
		}
		return answer, nil, true
	})
	lags, err := b.Lag(t.Context(), group, things.Name)
	require.NoError(t, err)
	require.Equal(t, broker.Lag{Topic: things.Name, Partition: 0, Committed: -1}, lags[0])
	require.EqualValues(t, len(refusals)+1, asked.Load())
}

// TestALagThatIsRefusedForGoodIsAnError: only what passes is waited for.
func TestALagThatIsRefusedForGoodIsAnError(t *testing.T) {
	c, b := breakable(t)
	c.ControlKey(int16(kmsg.OffsetFetch), func(k kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		answer := k.ResponseKind().(*kmsg.OffsetFetchResponse)
		answer.ErrorCode = kerr.GroupAuthorizationFailed.Code
		return answer, nil, true
	})
	_, err := b.Lag(t.Context(), group, things.Name)
	require.ErrorContains(t, err, "offsets of group "+group)
}
