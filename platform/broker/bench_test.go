package broker_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"banyan.dev/platform/broker"
)

// The publisher beside kafka-go's Writer, with the same messages: calls of n over 12
// partitions, everything acknowledged before the next call.
//
//	go test -run - -bench Publish ./platform/broker
func BenchmarkPublish(b *testing.B) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	require.NoError(b, err)
	b.Cleanup(c.Close)
	topic := broker.Topic{Name: "bench.v1", Partitions: 12, Replicas: 1}
	own, err := broker.New(broker.Config{Addrs: c.ListenAddrs()})
	require.NoError(b, err)
	b.Cleanup(own.Close)
	require.NoError(b, own.EnsureTopics(b.Context(), topic))
	for _, n := range []int{1, 12, 500} {
		plain, theirs := make([]broker.Message, n), make([]kafka.Message, n)
		for i := range n {
			key := []byte(strconv.Itoa(i))
			plain[i] = broker.Message{Topic: topic.Name, Partition: i % topic.Partitions, Key: key, Value: make([]byte, 300)}
			theirs[i] = kafka.Message{Key: key, Value: plain[i].Value}
		}
		b.Run("publisher/"+strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, own.Publisher().Publish(b.Context(), plain))
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "messages/s")
		})
		transport := &kafka.Transport{}
		w := &kafka.Writer{
			Addr: kafka.TCP(c.ListenAddrs()...), Topic: topic.Name, Balancer: &kafka.RoundRobin{}, Transport: transport,
			RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond, BatchSize: 1000,
		}
		b.Run("writer/"+strconv.Itoa(n), func(b *testing.B) {
			for b.Loop() {
				require.NoError(b, w.WriteMessages(b.Context(), theirs...))
			}
			b.ReportMetric(float64(n*b.N)/b.Elapsed().Seconds(), "messages/s")
		})
		require.NoError(b, w.Close())
		transport.CloseIdleConnections()
	}
}
