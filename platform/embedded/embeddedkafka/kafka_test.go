package embeddedkafka_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"banyan.dev/platform/embedded/embeddedkafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func createTopic(t *testing.T, client *kgo.Client) {
	t.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = "t", 1, 1
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics = append(req.Topics, topic)
	res, err := req.RequestWith(t.Context(), client)
	require.NoError(t, err)
	require.Zero(t, res.Topics[0].ErrorCode)
}

func TestKafkaKeepsWhatItAcknowledgedOverARestart(t *testing.T) {
	dir := t.TempDir()
	k, err := embeddedkafka.Start(t.Context(), embeddedkafka.Config{Dir: dir})
	require.NoError(t, err)
	producer, err := kgo.NewClient(kgo.SeedBrokers(k.Addr()), kgo.DefaultProduceTopic("t"))
	require.NoError(t, err)
	createTopic(t, producer)
	require.NoError(t, producer.ProduceSync(t.Context(), kgo.SliceRecord([]byte("hello"))).FirstErr())
	producer.Close()
	require.NoError(t, k.Stop(context.Background()))

	k, err = embeddedkafka.Start(t.Context(), embeddedkafka.Config{Dir: dir})
	require.NoError(t, err)
	defer func() { require.NoError(t, k.Stop(context.Background())) }()
	consumer, err := kgo.NewClient(kgo.SeedBrokers(k.Addr()), kgo.ConsumeTopics("t"))
	require.NoError(t, err)
	defer consumer.Close()
	fetched := consumer.PollFetches(t.Context())
	require.NoError(t, fetched.Err())
	require.Equal(t, "hello", string(fetched.Records()[0].Value))
}
