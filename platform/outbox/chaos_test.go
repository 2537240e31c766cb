package outbox

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"banyan.dev/platform/broker"
)

// life is a relay that can be killed: nothing that it does afterwards reaches anybody.
type life struct {
	dead  atomic.Bool
	relay *Relay
	stop  func()
}

var errDead = errors.New("the relay is dead")

func (l *life) guard() error {
	if l.dead.Load() {
		return errDead
	}
	return nil
}

type mortalPublisher struct {
	*life
	inner Publisher
}

func (m mortalPublisher) Publish(ctx context.Context, messages []broker.Message) error {
	if err := m.guard(); err != nil {
		return err
	}
	err := m.inner.Publish(ctx, messages)
	return errors.Join(err, m.guard())
}

type mortalLedger struct {
	*life
	inner ledger
}

func (m mortalLedger) pending(ctx context.Context, shards []int) ([]row, error) {
	if err := m.guard(); err != nil {
		return nil, err
	}
	return m.inner.pending(ctx, shards)
}

func (m mortalLedger) published(ctx context.Context, ids []int64) error {
	if err := m.guard(); err != nil {
		return err
	}
	return m.inner.published(ctx, ids)
}

// chaos runs relays and does them, and the broker, harm.
type chaos struct {
	r     *rig
	v     variant
	rng   *rand.Rand
	wrong *wrong
	n     int
	lives []*life
}

func (c *chaos) begin() {
	relays := c.v.relays
	if relays == 0 {
		relays = 1 + c.rng.IntN(3)
	}
	for range relays {
		c.lives = append(c.lives, c.born())
	}
}

func (c *chaos) born() *life {
	c.n++
	l := &life{}
	cfg := c.r.config()
	cfg.Name = fmt.Sprintf("relay-%d", c.n)
	cfg.Batch = 1 + c.rng.IntN(20)
	cfg.Publisher = mortalPublisher{l, cfg.Publisher}
	if c.v.publisher != nil {
		cfg.Publisher = c.v.publisher(c.wrong, cfg.Publisher)
	}
	relay, err := NewRelay(cfg)
	require.NoError(c.r.t, err)
	relay.brokerPause = 200 * time.Millisecond // so that whoever stands still for long has lost something
	probe := time.Duration(c.rng.IntN(20)) * time.Millisecond
	relay.ledger = func(t *table) ledger {
		t.probe = probe
		if c.v.ledger == nil {
			return mortalLedger{l, t}
		}
		return mortalLedger{l, c.v.ledger(c.wrong, t)}
	}
	if c.v.unshared {
		relay.hold = func(ctx context.Context) {
			for i := range relay.shards {
				relay.own.own(i)
			}
			<-ctx.Done()
		}
	}
	l.relay, l.stop = relay, c.r.start(relay)
	return l
}

func (c *chaos) run(ctx context.Context) {
	for ctx.Err() == nil {
		sleep(ctx, time.Duration(20+c.rng.IntN(60))*time.Millisecond)
		i := c.rng.IntN(len(c.lives))
		harms := 8
		if c.r.given() {
			harms = 4 // those of the broker are not for us
		}
		switch c.rng.IntN(harms) {
		case 0: // stopped
			c.lives[i].stop()
			c.lives[i] = c.born()
		case 1, 2: // killed
			c.lives[i].dead.Store(true)
			c.lives[i].stop()
			c.lives[i] = c.born()
		case 3: // robbed of its sessions, without notice
			c.r.execute("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1", c.lives[i].relay.cfg.Name)
		case 4, 5:
			c.r.withBroker(c.refuse)
		case 6:
			c.r.withBroker(c.hangUp)
		case 7:
			c.r.stopBroker()
			sleep(ctx, time.Duration(c.rng.IntN(60))*time.Millisecond)
			c.r.startBroker()
		}
	}
}

// refuse fails some requests: before anything is written, or after.
func (c *chaos) refuse(cluster *kfake.Cluster) {
	errs := []*kerr.Error{kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend, kerr.RequestTimedOut, kerr.NotLeaderForPartition}
	cluster.Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Produce}, Topic: topic.Name, Partitions: []int32{c.rng.Int32N(int32(topic.Partitions))},
		Err: errs[c.rng.IntN(len(errs))], Count: 1 + c.rng.IntN(4),
	})
}

// hangUp closes the connection of the next request.
func (c *chaos) hangUp(cluster *kfake.Cluster) {
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		return nil, errors.New("hang up"), true
	})
}

// settle waits until all that was committed is on the topic, or until the topic has
// stood still for as long as patience.
func (c *chaos) settle(patience time.Duration) {
	still, last := time.Now(), int64(-1)
	for time.Since(still) < patience {
		if end := c.r.topicEnd(); end != last {
			still, last = time.Now(), end
		}
		if c.v.ledger == nil && c.r.unpublished() == 0 {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (c *chaos) end() {
	for _, l := range c.lives {
		l.stop()
	}
}
