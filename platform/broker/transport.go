package broker

import (
	"context"
	"errors"
	"net"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// wary is kafka-go's transport, but for what it makes of a failure. The transport
// keeps idle connections and learns that one is dead when a request fails on it; after
// a broker's restart each of them would cost one more request, and a relay that pauses
// after each failure, for longer each time, would be held up by all of them. Here the
// first failure closes those that are idle: what comes next dials. What is under way on
// the others is not touched.
type wary struct{ *kafka.Transport }

// RoundTrip sends one request; its error is the network's, the context's, or that the
// cluster knows no such place. What brokers refuse is told in the answer.
func (w wary) RoundTrip(ctx context.Context, addr net.Addr, r kafka.Request) (kafka.Response, error) {
	answer, err := w.Transport.RoundTrip(ctx, addr, r)
	if unplaced(err) {
		// While nobody answers, no topic is known either. The transport has kept why.
		_, why := w.Transport.RoundTrip(ctx, addr, &metadata.Request{})
		if why == nil {
			return answer, err
		}
		err = why
	}
	// Somebody who does not want the answer any more says nothing of the connection; no
	// answer within the time that one has does.
	if err != nil && !errors.Is(err, context.Canceled) {
		w.CloseIdleConnections()
	}
	return answer, err
}

// unplaced tells whether the transport did not know whom to send a request to.
func unplaced(err error) bool {
	return errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition) || errors.Is(err, protocol.ErrNoLeader)
}
