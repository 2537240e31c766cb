package broker_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/embedded"
	"banyan.dev/platform/embedded/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

// cluster is a broker that can be broken.
func cluster(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	kafkatest.OwnOnly(t)
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func connect(t *testing.T, addr string) *broker.Broker {
	t.Helper()
	b, err := broker.New(broker.Config{Addrs: []string{addr}, ClientID: "test", RequestTimeout: 5 * time.Second})
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

// things is the topic. Its name is each test's own, since a Kafka may be shared; so is
// the group's.
var (
	things = broker.Topic{Name: "things.v1", Partitions: 4, Replicas: 1}
	group  = "g"
)

// somewhere is the address of a broker, with names that nobody else uses there.
func somewhere(t *testing.T) string {
	t.Helper()
	things.Name, group = kafkatest.Unique("things.v1"), kafkatest.Unique("g")
	return kafkatest.Start(t)
}

// ready is a broker with the topic made.
func ready(t *testing.T) *broker.Broker {
	t.Helper()
	b := connect(t, somewhere(t))
	require.NoError(t, b.EnsureTopics(t.Context(), things))
	return b
}

// breakable is one with the inside of the cluster.
func breakable(t *testing.T) (*kfake.Cluster, *broker.Broker) {
	t.Helper()
	c := cluster(t)
	b := connect(t, c.ListenAddrs()[0])
	require.NoError(t, b.EnsureTopics(t.Context(), things))
	return c, b
}

func numbered(n int, partition func(int) int) []broker.Message {
	messages := make([]broker.Message, n)
	for i := range messages {
		messages[i] = broker.Message{Topic: things.Name, Partition: partition(i), Key: []byte("k"), Value: []byte(strconv.Itoa(i))}
	}
	return messages
}

func TestABrokerThatCanNotBeIsRefused(t *testing.T) {
	_, err := broker.New(broker.Config{})
	require.ErrorContains(t, err, "give host:port")
	_, err = broker.New(broker.Config{Addrs: []string{"localhost"}})
	require.ErrorContains(t, err, "write it as host:port")
}

func TestKeysGoWhereKafkasOwnClientSendsThem(t *testing.T) {
	partitions := make([]int, 12)
	for i := range partitions {
		partitions[i] = i
	}
	topic := broker.Topic{Name: "t", Partitions: 12}
	for i := range 2000 {
		key := strings.Repeat("ä", i%5) + strconv.Itoa(i*i)
		want := kafka.Murmur2Balancer{}.Balance(kafka.Message{Key: []byte(key)}, partitions...)
		require.Equal(t, want, topic.Partition(key), key)
	}
	require.Zero(t, testing.AllocsPerRun(100, func() { topic.Partition("0195f0c4-7a53-7b1c-9a3e-0d8f6c1b2a3d") }))
}

func TestTopicsAreMadeOnceWithTheirNumberOfPartitions(t *testing.T) {
	address := somewhere(t)
	var all sync.WaitGroup
	errs := make([]error, 3)
	for i := range errs {
		b := connect(t, address)
		all.Go(func() { errs[i] = b.EnsureTopics(t.Context(), things) })
	}
	all.Wait()
	require.NoError(t, errors.Join(errs...))

	b := connect(t, address)
	more := things
	more.Partitions = 5
	err := b.EnsureTopics(t.Context(), more)
	require.ErrorContains(t, err, "has 4 partitions and should have 5")
	require.ErrorContains(t, b.EnsureTopics(t.Context(), broker.Topic{Name: "x"}), "has 0 partitions")
	require.ErrorContains(t, b.EnsureTopics(t.Context(), broker.Topic{Partitions: 1}), "no name")
}

func TestATopicKeepsTheSettingsItIsMadeWith(t *testing.T) {
	address := somewhere(t)
	b := connect(t, address)
	for retention, want := range map[time.Duration]string{24 * time.Hour: "86400000", -1: "-1"} {
		made := broker.Topic{Name: kafkatest.Unique("kept"), Partitions: 1, Replicas: 1, Retention: retention, Config: map[string]string{"max.message.bytes": "4711"}}
		require.NoError(t, b.EnsureTopics(t.Context(), made))
		got := settings(t, address, made.Name)
		require.Equal(t, want, got["retention.ms"])
		require.Equal(t, "4711", got["max.message.bytes"])
	}
}

// settings are a topic's, as another client sees them.
func settings(t *testing.T, address, topic string) map[string]string {
	t.Helper()
	client := &kafka.Client{Addr: kafka.TCP(address), Transport: &kafka.Transport{}}
	defer client.Transport.(*kafka.Transport).CloseIdleConnections()
	answer, err := client.DescribeConfigs(t.Context(), &kafka.DescribeConfigsRequest{Resources: []kafka.DescribeConfigRequestResource{
		{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ConfigNames: []string{"retention.ms", "max.message.bytes"}},
	}})
	require.NoError(t, err)
	require.Len(t, answer.Resources, 1)
	require.NoError(t, answer.Resources[0].Error)
	found := map[string]string{}
	for _, e := range answer.Resources[0].ConfigEntries {
		found[e.ConfigName] = e.ConfigValue
	}
	return found
}

func TestATopicThatAnotherHostHasMadeCanBeWrittenTo(t *testing.T) {
	address := somewhere(t)
	b := connect(t, address)
	require.NoError(t, b.EnsureTopics(t.Context(), broker.Topic{Name: kafkatest.Unique("first"), Partitions: 1, Replicas: 1}))
	require.NoError(t, connect(t, address).EnsureTopics(t.Context(), things))
	require.NoError(t, b.EnsureTopics(t.Context(), things))
	require.NoError(t, b.Publisher().Publish(t.Context(), numbered(8, func(i int) int { return i % 4 })))
}

// read consumes until it has n messages, and commits all of them.
func read(t *testing.T, b *broker.Broker, as string, n int) []broker.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var mu sync.Mutex
	var got []broker.Message
	err := b.Consume(ctx, broker.ConsumerConfig{Group: as, Topics: []string{things.Name}}, func(ctx context.Context, p *broker.Partition) error {
		for {
			batch, err := p.Fetch(ctx, 100)
			if err != nil {
				return nil
			}
			mu.Lock()
			got = append(got, batch...)
			if len(got) >= n {
				cancel()
			}
			mu.Unlock()
			if err := p.Commit(batch[len(batch)-1]); err != nil {
				return err
			}
		}
	})
	require.NoError(t, err)
	require.Len(t, got, n)
	return got
}

func values(messages []broker.Message, partition int) (all []int) {
	for _, m := range messages {
		if m.Partition == partition {
			n, _ := strconv.Atoi(string(m.Value))
			all = append(all, n)
		}
	}
	return all
}

func TestMessagesArriveInOrderWithAllTheyHave(t *testing.T) {
	b := ready(t)
	sent := numbered(10_000, func(i int) int { return i % 3 })
	at := time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC)
	sent[0].Headers, sent[0].Time, sent[0].Key = []broker.Header{{Key: broker.HeaderID, Value: []byte("x")}, {Key: "n"}}, at, []byte("key")
	require.NoError(t, b.Publisher().Publish(t.Context(), sent))
	got := read(t, b, group, 10_000)
	for partition := range 3 {
		want := values(sent, partition)
		require.Equal(t, want, values(got, partition))
	}
	for _, m := range got {
		if string(m.Value) == "0" {
			require.Equal(t, "x", m.Header(broker.HeaderID))
			require.Empty(t, m.Header("n")+m.Header("none"))
			require.Equal(t, "key", string(m.Key))
			require.True(t, at.Equal(m.Time), "%v", m.Time)
		}
	}
}

func TestABatchIsUnderKafkasLimit(t *testing.T) {
	b := ready(t)
	sent := numbered(5, func(int) int { return 1 })
	for i := range sent {
		sent[i].Value = []byte(strconv.Itoa(i) + strings.Repeat(" ", 500<<10))
	}
	require.NoError(t, b.Publisher().Publish(t.Context(), sent), "2.5 MB: at most 1 MB a batch")
	sent = numbered(1, func(int) int { return 1 })
	sent[0].Value = make([]byte, broker.MaxMessage-100)
	require.NoError(t, b.Publisher().Publish(t.Context(), sent))
	sent[0].Value = make([]byte, 2<<20)
	require.ErrorIs(t, b.Publisher().Publish(t.Context(), sent), kafka.MessageSizeTooLarge)
}

func TestEachMessageHasItsOwnAnswer(t *testing.T) {
	c, b := breakable(t)
	refused := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Topic: things.Name, Partitions: []int32{2}, Err: kerr.NotEnoughReplicas, Count: -1})
	sent := numbered(4000, func(i int) int { return 1 + i%2 })
	err := b.Publisher().Publish(t.Context(), sent)
	var answers *broker.PublishError
	require.ErrorAs(t, err, &answers)
	require.ErrorIs(t, err, kafka.NotEnoughReplicas)
	require.ErrorContains(t, err, "2000 of 4000 messages are not acknowledged")
	for i, m := range sent {
		require.Equal(t, m.Partition == 2, answers.Errors[i] != nil, "%d", i)
	}
	require.Equal(t, 1, refused.Hits(), "no second batch is sent, and nothing is tried again")
	refused.Remove()
	require.Len(t, read(t, b, group, 2000), 2000)
}

func TestAClosedBrokerPublishesNothing(t *testing.T) {
	b := ready(t)
	b.Close()
	require.ErrorContains(t, b.Publisher().Publish(t.Context(), numbered(1, func(int) int { return 0 })), "closed")
	require.ErrorContains(t, b.EnsureTopics(t.Context(), things), "closed")
}

// silent makes the broker take requests of a kind and never answer.
func silent(c *kfake.Cluster, key kmsg.Key) {
	c.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return nil, nil, true
	})
}

func TestABrokerThatDoesNotAnswerHoldsNobody(t *testing.T) {
	c, b := breakable(t)
	silent(c, kmsg.Produce)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- b.Publisher().Publish(ctx, numbered(10, func(i int) int { return i % 4 })) }()
	cancel()
	require.ErrorIs(t, <-done, context.Canceled)
	// Closing at the test's end leaves nothing behind: TestMain looks.
}

func TestAGroupGoesOnWhereItHasCommitted(t *testing.T) {
	b := ready(t)
	require.NoError(t, b.Publisher().Publish(t.Context(), numbered(100, func(i int) int { return i % 4 })))
	read(t, b, group, 100)
	require.NoError(t, b.Publisher().Publish(t.Context(), numbered(20, func(i int) int { return i % 4 })))

	another := kafkatest.Unique("another")
	lags, err := b.Lag(t.Context(), group, things.Name)
	require.NoError(t, err)
	require.Len(t, lags, 4)
	for i, l := range lags {
		require.Equal(t, broker.Lag{Topic: things.Name, Partition: i, Committed: 25, First: 0, End: 30}, l)
		require.EqualValues(t, 5, l.Behind())
	}
	behind, err := b.Behind(t.Context(), group, things.Name)
	require.NoError(t, err)
	require.EqualValues(t, 20, behind)
	lags, err = b.Lag(t.Context(), another, things.Name)
	require.NoError(t, err)
	require.EqualValues(t, -1, lags[0].Committed)
	require.EqualValues(t, 30, lags[0].Behind())

	read(t, b, group, 20)
	read(t, b, another, 120)
}

// shared is a member that notes what it is given.
type shared struct {
	generation atomic.Int64
	own        atomic.Int64
	stop       func()
}

func join(t *testing.T, b *broker.Broker, handle func(broker.Message)) *shared {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	m, done := &shared{}, make(chan error, 1)
	go func() {
		done <- b.Consume(ctx, broker.ConsumerConfig{Group: group, Topics: []string{things.Name}, Session: 6 * time.Second}, func(ctx context.Context, p *broker.Partition) error {
			m.generation.Store(int64(p.Generation))
			m.own.Add(1)
			defer m.own.Add(-1)
			for {
				batch, err := p.Fetch(ctx, 10)
				if err != nil {
					return nil
				}
				for _, message := range batch {
					handle(message)
				}
				_ = p.Commit(batch[len(batch)-1])
			}
		})
	}()
	m.stop = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-done)
		require.Zero(t, m.own.Load())
	})
	t.Cleanup(m.stop)
	return m
}

// Large messages are read ahead and handed out by their bytes, not by their number.
func TestLargeMessagesComeAFewAtATime(t *testing.T) {
	b := ready(t)
	large := strings.Repeat("x", 700<<10)
	for range 30 {
		message := broker.Message{Topic: things.Name, Key: []byte("k"), Value: []byte(large)}
		require.NoError(t, b.Publisher().Publish(t.Context(), []broker.Message{message}))
	}
	ctx, cancel := context.WithCancel(t.Context())
	most, got := 0, 0
	require.NoError(t, b.Consume(ctx, broker.ConsumerConfig{Group: group, Topics: []string{things.Name}}, func(ctx context.Context, p *broker.Partition) error {
		if p.ID != 0 {
			<-ctx.Done()
			return nil
		}
		for got < 30 {
			fetched, err := p.Fetch(ctx, 1000)
			if err != nil {
				return err
			}
			require.Equal(t, int64(got), fetched[0].Offset)
			most, got = max(most, len(fetched)), got+len(fetched)
		}
		cancel()
		return nil
	}))
	require.Equal(t, 30, got)
	require.LessOrEqual(t, most, 6, "4 MiB and one more message")
}

func TestMembersShareThePartitionsAndSeeGenerations(t *testing.T) {
	b := ready(t)
	var seen sync.Map
	handle := func(m broker.Message) { seen.Store(string(m.Value), true) }
	first := join(t, b, handle)
	require.Eventually(t, func() bool { return first.own.Load() == 4 }, patience, 5*time.Millisecond)
	generation := first.generation.Load()
	second := join(t, b, handle)
	require.Eventually(t, func() bool { return first.own.Load() == 2 && second.own.Load() == 2 }, patience, 5*time.Millisecond)
	require.Greater(t, second.generation.Load(), generation)
	require.Equal(t, second.generation.Load(), first.generation.Load())

	require.NoError(t, b.Publisher().Publish(t.Context(), numbered(100, func(i int) int { return i % 4 })))
	first.stop()
	require.Eventually(t, func() bool { return second.own.Load() == 4 }, patience, 5*time.Millisecond)
	require.Eventually(t, func() bool {
		n := 0
		seen.Range(func(any, any) bool { n++; return true })
		return n == 100
	}, patience, 5*time.Millisecond)
}

func TestWhatWasTakenAwayCanNotBeCommitted(t *testing.T) {
	c, b := breakable(t)
	require.NoError(t, b.Publisher().Publish(t.Context(), numbered(4, func(i int) int { return i })))
	ctx, cancel := context.WithCancel(t.Context())
	late := make(chan error, 8)
	done := make(chan error)
	var once sync.Once
	go func() {
		done <- b.Consume(ctx, broker.ConsumerConfig{Group: group, Topics: []string{things.Name}, Session: 6 * time.Second}, func(ctx context.Context, p *broker.Partition) error {
			batch, err := p.Fetch(ctx, 1)
			if err != nil {
				return nil
			}
			once.Do(func() {
				// The broker has forgotten the member, as after a long silence.
				c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Heartbeat}, Group: group, TopLevel: true, Err: kerr.UnknownMemberID, Count: 1})
				c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.OffsetCommit}, Group: group, Err: kerr.UnknownMemberID, Count: 1})
				<-ctx.Done()
				late <- p.Commit(batch[0])
			})
			<-ctx.Done()
			return nil
		})
	}()
	require.ErrorIs(t, <-late, broker.ErrNotOurs)
	cancel()
	require.NoError(t, <-done)
}

func TestConsumingGetsOverABrokerThatGoesAndComesBack(t *testing.T) {
	kafkatest.OwnOnly(t)
	port, err := embedded.FreePort()
	require.NoError(t, err)
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(port), kfake.DataDir(t.TempDir())}
	c, err := kfake.NewCluster(opts...)
	require.NoError(t, err)
	defer func() { c.Close() }()
	b := connect(t, fmt.Sprintf("127.0.0.1:%d", port))
	require.NoError(t, b.EnsureTopics(t.Context(), things))

	var highest atomic.Int64
	member := join(t, b, func(m broker.Message) {
		n, _ := strconv.ParseInt(string(m.Value), 10, 64)
		highest.Store(n)
	})
	publish := func(n int) {
		t.Helper()
		m := broker.Message{Topic: things.Name, Partition: 1, Value: []byte(strconv.Itoa(n))}
		require.Eventually(t, func() bool { return b.Publisher().Publish(t.Context(), []broker.Message{m}) == nil }, patience, 20*time.Millisecond)
		require.Eventually(t, func() bool { return highest.Load() == int64(n) }, patience, 5*time.Millisecond)
	}
	publish(1)
	c.Close()
	c, err = kfake.NewCluster(opts...)
	require.NoError(t, err)
	publish(2)
	member.stop()
}

func TestAHandlerThatEndsIsStartedAgain(t *testing.T) {
	b := ready(t)
	require.NoError(t, b.Publisher().Publish(t.Context(), numbered(1, func(int) int { return 3 })))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var failures atomic.Int64
	err := b.Consume(ctx, broker.ConsumerConfig{Group: group, Topics: []string{things.Name}}, func(ctx context.Context, p *broker.Partition) error {
		if _, err := p.Fetch(ctx, 1); err != nil {
			return nil
		}
		if failures.Add(1) == 2 {
			cancel()
		}
		return errors.New("mine")
	})
	require.NoError(t, err)
	require.EqualValues(t, 2, failures.Load(), "not committed: it came again")
}

func TestAConsumerThatCanNotBeIsRefused(t *testing.T) {
	b := ready(t)
	require.ErrorContains(t, b.Consume(t.Context(), broker.ConsumerConfig{}, nil), "name the group")
	require.ErrorContains(t, b.Consume(t.Context(), broker.ConsumerConfig{Group: "g", Topics: []string{"t"}, Queue: -1}, nil), "can't be negative")
}
