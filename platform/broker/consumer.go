package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"
	"golang.org/x/sync/semaphore"
)

// ConsumerConfig says which group reads what.
type ConsumerConfig struct {
	// Group is the name of the group; its members share the partitions.
	Group string
	// Topics must be there (see Broker.EnsureTopics): a group that joins before its
	// topic is made is never assigned it.
	Topics []string
	// FromEnd lets a group without a committed offset begin behind the last message
	// instead of at the first one. It loses what was written before; the default does
	// not.
	FromEnd bool
	// Session is how long a member may be silent before its partitions go to others;
	// 0 means 10 s (Kafka allows 6 s and more). A killed member's partitions stall for
	// as long.
	Session time.Duration
	// Queue is how many messages per partition are fetched ahead, 4 MiB at most; 0 means
	// 1,000.
	Queue int
}

const (
	// rejoin is the pause after a failure, before the group is joined again.
	rejoin = time.Second
	// rebalance is how long the group waits for a member's handlers to return, and for
	// members that died while it was meeting. One whose handlers take longer is let in
	// again a moment later; what it commits meanwhile is refused.
	rebalance = 6 * time.Second
	// leaving bounds how long a broker is waited for that does not answer any more.
	leaving = 5 * time.Second
)

func (c ConsumerConfig) check() (ConsumerConfig, error) {
	if c.Group == "" || len(c.Topics) == 0 {
		return c, fmt.Errorf("consumer group %q with topics %v can't be: name the group and at least one topic", c.Group, c.Topics)
	}
	c.Session = cmp.Or(c.Session, 10*time.Second)
	c.Queue = cmp.Or(c.Queue, 1000)
	if c.Session < 0 || c.Queue < 0 {
		return c, fmt.Errorf("consumer group %s: session %v and queue %d can't be negative", c.Group, c.Session, c.Queue)
	}
	return c, nil
}

// Handle consumes one partition until ctx ends: that is when the partition is taken
// away, or the consumer stops. It then returns soon (the whole group waits for it)
// and may still commit what it has done. When it returns earlier, err is logged and
// the member joins the group again after a second, with all its partitions.
type Handle func(ctx context.Context, p *Partition) error

// Consume joins the group and runs handle for each partition that this member is
// assigned, each in a goroutine of its own, generation after generation, until ctx
// ends; then it leaves the group, so that others take over at once. It returns when
// nothing of it runs any more. A broker that is away does not end it: its only error
// is a configuration that can't be.
//
// Within one group a partition is with one member at a time, with one exception that
// no client can rule out: a member that was silent for longer than its session still
// handles what it has fetched, while another has begun. Its commits are refused; what
// it writes elsewhere must be safe against that, as an inbox is.
func (b *Broker) Consume(ctx context.Context, cfg ConsumerConfig, handle Handle) error {
	cfg, err := cfg.check()
	if err != nil {
		return err
	}
	start := kafka.FirstOffset
	if cfg.FromEnd {
		start = kafka.LastOffset
	}
	own := newConns(b.conns.dial)
	defer own.close()
	group, err := kafka.NewConsumerGroup(b.groupConfig(cfg, start, b.forConsumers(own.dial)))
	if err != nil {
		return fmt.Errorf("consumer group %s: %w", cfg.Group, err)
	}
	m := &member{broker: b, cfg: cfg, group: group, handle: handle}
	m.run(ctx)
	cut := time.AfterFunc(leaving, own.close)
	defer cut.Stop()
	m.leave()
	return nil
}

// groupConfig is kafka-go's. Its Timeout and RebalanceTimeout together are how long a
// member waits to be let in; then it gives up, and comes again as somebody new. A broker
// may begin its wait for the missing anew with each who comes: members that give up too
// soon, in turn, would keep each other out for as long as one is missing.
func (b *Broker) groupConfig(cfg ConsumerConfig, start int64, dialer *kafka.Dialer) kafka.ConsumerGroupConfig {
	return kafka.ConsumerGroupConfig{
		ID: cfg.Group, Topics: cfg.Topics, Brokers: b.cfg.Addrs, Dialer: dialer,
		StartOffset: start, SessionTimeout: cfg.Session, HeartbeatInterval: cfg.Session / 5,
		RebalanceTimeout: rebalance, JoinGroupBackoff: rejoin, Timeout: b.cfg.RequestTimeout + cfg.Session,
	}
}

// member is this process's place in a group.
type member struct {
	broker *Broker
	cfg    ConsumerConfig
	group  *kafka.ConsumerGroup
	handle Handle

	handlers sync.WaitGroup
}

func (m *member) run(ctx context.Context) {
	log := m.broker.cfg.Logger.With("group", m.cfg.Group)
	for {
		generation, err := m.group.Next(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			log.WarnContext(ctx, "consumer group not joined", "error", err)
			continue // the group itself pauses before it tries again
		}
		log.InfoContext(ctx, "consumer group joined", "generation", generation.ID, "partitions", count(generation))
		for topic, partitions := range generation.Assignments {
			for _, assigned := range partitions {
				m.handlers.Add(1)
				generation.Start(func(over context.Context) {
					defer m.handlers.Done()
					m.serve(ctx, over, generation, topic, assigned)
				})
			}
		}
		// kafka-go waits for them too, but not for one that it was asked to start when the
		// generation was over already.
		m.await(ctx)
	}
}

// leave ends the generation, waits for its handlers, and leaves the group.
func (m *member) leave() {
	m.group.Close()
	m.handlers.Wait()
}

// await returns when the generation's handlers have returned, or when ctx ends: then
// closing the group is what ends them.
func (m *member) await(ctx context.Context) {
	done := make(chan struct{})
	go func() {
		m.handlers.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// serve handles one partition of one generation. over ends with the generation, ctx
// with the consumer. A generation ends when the first of its handlers returns, so
// that is put off until it should end.
func (m *member) serve(ctx, over context.Context, generation *kafka.Generation, topic string, assigned kafka.PartitionAssignment) {
	held, release := context.WithCancel(ctx)
	defer release()
	defer context.AfterFunc(over, release)()

	p := m.open(held, generation, topic, assigned)
	err := m.handle(held, p)
	p.close()
	if held.Err() == nil {
		m.broker.cfg.Logger.ErrorContext(ctx, "partition's handler ended", "group", m.cfg.Group, "topic", topic, "partition", assigned.ID, "error", err)
		select {
		case <-time.After(rejoin):
			return
		case <-held.Done():
		}
	}
	<-over.Done()
}

func count(g *kafka.Generation) (n int) {
	for _, partitions := range g.Assignments {
		n += len(partitions)
	}
	return n
}

// Partition is a partition while it is this member's own. It is for one goroutine.
type Partition struct {
	Topic string
	ID    int
	// Generation counts the group's rebalances; each brings Partition values of its own.
	Generation int

	generation *kafka.Generation
	queue      chan Message
	room       *semaphore.Weighted // of the queue, in bytes
	conns      *conns
	reader     *kafka.Reader
	stop       context.CancelFunc
	filled     sync.WaitGroup
}

// The settings of kafka-go's reader of one partition.
const (
	fetchBytes = 4 << 20
	// fetchWait is how long the broker holds a request when there is nothing; messages
	// that come are answered at once, and closing does not wait for it.
	fetchWait = 5 * time.Second
	// queueBytes bounds what is read ahead of one partition, and what Fetch returns at a
	// time, however many messages that is: chunks of a backfill are large.
	queueBytes = 4 << 20
)

// open begins to read a partition where its group has come to.
func (m *member) open(ctx context.Context, generation *kafka.Generation, topic string, assigned kafka.PartitionAssignment) *Partition {
	ctx, stop := context.WithCancel(ctx)
	own := newConns(m.broker.conns.dial)
	p := &Partition{
		Topic: topic, ID: assigned.ID, Generation: int(generation.ID),
		generation: generation, queue: make(chan Message, m.cfg.Queue), room: semaphore.NewWeighted(queueBytes), conns: own, stop: stop,
	}
	p.reader = kafka.NewReader(kafka.ReaderConfig{
		Brokers: m.broker.cfg.Addrs, Dialer: m.broker.forConsumers(own.dial), Topic: topic, Partition: assigned.ID,
		MinBytes: 1, MaxBytes: fetchBytes, MaxWait: fetchWait, QueueCapacity: 1,
		ReadBackoffMin: 50 * time.Millisecond, ReadBackoffMax: time.Second, ReadLagInterval: -1,
	})
	_ = p.reader.SetOffset(assigned.Offset) // fails for readers of a group only
	log := m.broker.cfg.Logger.With("group", m.cfg.Group, "topic", topic, "partition", assigned.ID)
	p.filled.Go(func() {
		p.fill(ctx, func(err error) { log.WarnContext(ctx, "partition not read", "error", err) })
	})
	return p
}

// fill reads ahead. What goes wrong is told and tried again; kafka-go's reader
// pauses by itself.
func (p *Partition) fill(ctx context.Context, tell func(error)) {
	for {
		m, err := p.reader.FetchMessage(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			tell(err)
			continue
		}
		message := plain(m)
		if p.room.Acquire(ctx, message.weight()) != nil {
			return
		}
		select {
		case p.queue <- message:
		case <-ctx.Done():
			return
		}
	}
}

// close ends the reading. The connections are closed because kafka-go's reader
// waits for an answer to its last request otherwise.
func (p *Partition) close() {
	p.stop()
	p.conns.close()
	p.reader.Close()
	p.filled.Wait()
}

// Fetch waits for at least one message and returns those that are there, at most
// max, and about 4 MiB, in order. Its only error is ctx's: what goes wrong while reading is logged
// and tried again.
func (p *Partition) Fetch(ctx context.Context, max int) ([]Message, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	var fetched []Message
	bytes := int64(0)
	take := func(m Message) {
		p.room.Release(m.weight())
		fetched, bytes = append(fetched, m), bytes+m.weight()
	}
	select {
	case m := <-p.queue:
		take(m)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	for len(fetched) < max && bytes < queueBytes {
		select {
		case m := <-p.queue:
			take(m)
		default:
			return fetched, nil
		}
	}
	return fetched, nil
}

// weight is what the message takes of the queue; one that is larger than all of it
// takes all.
func (m *Message) weight() int64 { return min(int64(m.size()), queueBytes) }

// ErrNotOurs means that the partition was taken away: its messages come again, to
// whoever owns it now.
var ErrNotOurs = errors.New("the partition is no longer this member's")

// Commit notes that everything up to and with m is done: the partition's next owner
// begins behind it. It works until the handler returns, also when its context has
// ended, and takes no longer than the broker's RequestTimeout. Its error is
// ErrNotOurs, or the network's: then the next Commit covers this one.
func (p *Partition) Commit(m Message) error {
	err := p.generation.CommitOffsets(map[string]map[int]int64{p.Topic: {p.ID: m.Offset + 1}})
	if errors.Is(err, kafka.IllegalGeneration) || errors.Is(err, kafka.UnknownMemberId) || errors.Is(err, kafka.RebalanceInProgress) {
		return fmt.Errorf("commit %s/%d: %w (%w)", p.Topic, p.ID, ErrNotOurs, err)
	}
	if err != nil {
		return fmt.Errorf("commit %s/%d: %w", p.Topic, p.ID, err)
	}
	return nil
}

func plain(m kafka.Message) Message {
	headers := make([]Header, len(m.Headers))
	for i, h := range m.Headers {
		headers[i] = Header{Key: h.Key, Value: h.Value}
	}
	return Message{Topic: m.Topic, Partition: m.Partition, Offset: m.Offset, Key: m.Key, Value: m.Value, Headers: headers, Time: m.Time}
}
