package outbox

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"

	"banyan.dev/platform/broker"
)

// pump moves events from the ledger to the broker, for the shards that are owned.
// One goroutine decides; each shard's events are published in one of their own, so
// that a partition that hangs holds only itself. Between the fetching of a shard's
// events and their marking nothing else is fetched of that shard.
type pump struct {
	ledger      ledger
	publisher   Publisher
	shards      []shard
	own         *ownership
	wake        chan struct{}
	limit       int // events of one shard at a time
	poll        time.Duration
	brokerPause time.Duration
	finishing   time.Duration // how long answers are waited for in the end
	metrics     *metrics
	logger      *slog.Logger

	queues     []queue
	results    chan result
	inFlight   int
	acked      []int64 // acknowledged, not marked yet
	settled    []int   // shards whose work is done but for the marking
	database   *backoff.ExponentialBackOff
	databaseAt time.Time // not to be asked before
}

// queue is what the pump knows of a shard.
type queue struct {
	look    bool // there may be something
	retryAt time.Time
	pause   *backoff.ExponentialBackOff
	failing bool
}

// result is what became of one shard's events.
type result struct {
	shard int
	acked []int64
	err   error
}

const (
	// gather is how long answers of other shards are waited for after one came, so that
	// all are marked by one statement.
	gather           = 2 * time.Millisecond
	maxDatabasePause = 2 * time.Second
	maxBrokerPause   = 5 * time.Second
)

// patience is a pause that grows up to longest, with a random part, and for ever.
func patience(longest time.Duration) *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval, b.Multiplier, b.MaxInterval = 50*time.Millisecond, 2, longest
	return b
}

// run works until ctx ends; then it begins nothing more, waits for what is under
// way, and marks it.
func (p *pump) run(ctx context.Context) {
	p.queues = make([]queue, len(p.shards))
	for i := range p.queues {
		p.queues[i] = queue{look: true, pause: patience(p.brokerPause)}
	}
	p.results = make(chan result, len(p.shards))
	p.database = patience(maxDatabasePause)
	sending, abort := context.WithCancel(context.WithoutCancel(ctx))
	defer abort()
	for ctx.Err() == nil {
		if p.mark(ctx) {
			p.fetch(ctx, sending)
		}
		p.wait(ctx)
	}
	p.finish(sending, abort)
}

// wait returns when there is something to do.
func (p *pump) wait(ctx context.Context) {
	timer := time.NewTimer(p.idle(time.Now()))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-p.wake:
		p.lookEverywhere()
	case <-p.own.changed:
		p.lookEverywhere()
	case r := <-p.results:
		p.gather(r)
	case <-timer.C:
		if p.lookable(time.Now()) < 0 {
			p.lookEverywhere() // nobody has said anything for a while
		}
	}
}

func (p *pump) lookEverywhere() {
	for i := range p.queues {
		p.queues[i].look = true
	}
}

// idle is how long there is nothing to do if nothing happens.
func (p *pump) idle(now time.Time) time.Duration {
	longest := p.poll/2 + rand.N(p.poll)
	if wait := p.databaseAt.Sub(now); wait > 0 {
		return min(wait, longest)
	}
	if len(p.settled) > 0 || p.lookable(now) >= 0 {
		return 0
	}
	for i := range p.queues {
		if wait := p.queues[i].retryAt.Sub(now); wait > 0 {
			longest = min(longest, wait)
		}
	}
	return longest
}

// lookable is the first shard that could be looked at, or -1.
func (p *pump) lookable(now time.Time) int {
	for i := range p.queues {
		q := &p.queues[i]
		if q.look && !now.Before(q.retryAt) && p.own.has(i) && !p.own.working(i) {
			return i
		}
	}
	return -1
}

// fetch takes what waits in the shards that may be looked at, and sends it off.
func (p *pump) fetch(ctx, sending context.Context) {
	now := time.Now()
	if now.Before(p.databaseAt) {
		return
	}
	var ready []int
	for i := range p.queues {
		q := &p.queues[i]
		if q.look && !now.Before(q.retryAt) && p.own.begin(i) {
			q.look = false
			ready = append(ready, i)
		}
	}
	if len(ready) == 0 {
		return
	}
	rows, err := p.ledger.pending(ctx, ready)
	if err != nil {
		p.databaseFailed(ctx, err)
		for _, i := range ready {
			p.queues[i].look = true
			p.own.end(i)
		}
		return
	}
	p.database.Reset()
	p.dispatch(sending, ready, rows)
}

// dispatch sends each shard's rows off in a goroutine, and frees those without any.
func (p *pump) dispatch(sending context.Context, ready []int, rows []row) {
	some := make(map[int][]row, len(ready))
	for _, r := range rows {
		some[r.shard] = append(some[r.shard], r)
	}
	for _, i := range ready {
		rows := some[i]
		if len(rows) == 0 {
			p.own.end(i)
			continue
		}
		if len(rows) >= p.limit || rows[len(rows)-1].more {
			p.queues[i].look = true
		}
		p.inFlight++
		go func() { p.results <- p.publish(sending, i, rows) }()
	}
}

// publish sends one shard's rows. What is acknowledged is the part before the first
// that is not.
func (p *pump) publish(ctx context.Context, i int, rows []row) result {
	messages, ids := make([]broker.Message, len(rows)), make([]int64, len(rows))
	for n, r := range rows {
		messages[n], ids[n] = r.message, r.id
	}
	err := p.publisher.Publish(ctx, messages)
	return result{shard: i, acked: ids[:acknowledged(err, len(rows))], err: err}
}

// gather takes a result, and those that come within a moment.
func (p *pump) gather(r result) {
	p.settle(r)
	moment := time.NewTimer(gather)
	defer moment.Stop()
	for p.inFlight > 0 {
		select {
		case r := <-p.results:
			p.settle(r)
		case <-moment.C:
			return
		}
	}
}

func (p *pump) settle(r result) {
	p.inFlight--
	p.acked = append(p.acked, r.acked...)
	p.settled = append(p.settled, r.shard)
	q, s := &p.queues[r.shard], p.shards[r.shard]
	if r.err == nil {
		q.pause.Reset()
		if q.failing {
			q.failing = false
			p.logger.Info("outbox: events are published again", "topic", s.topic, "partition", s.partition)
		}
		return
	}
	p.metrics.failed("broker").Inc()
	q.look, q.retryAt = true, time.Now().Add(q.pause.NextBackOff())
	if !q.failing {
		q.failing = true
		p.logger.Error("outbox: events are not published; they wait", "topic", s.topic, "partition", s.partition, "error", r.err)
	}
}

// mark notes what is acknowledged and frees the shards. It is false when the
// database is away: then it is tried again before anything else, since whatever is
// not marked is published again.
func (p *pump) mark(ctx context.Context) bool {
	if len(p.settled) == 0 {
		return true
	}
	if time.Now().Before(p.databaseAt) {
		return false
	}
	if len(p.acked) > 0 {
		if err := p.ledger.published(ctx, p.acked); err != nil {
			p.databaseFailed(ctx, err)
			return false
		}
		p.database.Reset()
		p.metrics.published.Add(float64(len(p.acked)))
	}
	for _, i := range p.settled {
		p.own.end(i)
	}
	p.acked, p.settled = p.acked[:0], p.settled[:0]
	return true
}

func (p *pump) databaseFailed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	p.metrics.failed("database").Inc()
	p.databaseAt = time.Now().Add(p.database.NextBackOff())
	p.logger.WarnContext(ctx, "outbox: the database does not answer; trying again", "error", err)
}

// finish waits for the answers that are due, marks what is acknowledged and lets
// the shards go. What it can't mark in time is published again, by another relay.
func (p *pump) finish(sending context.Context, abort context.CancelFunc) {
	giveUp := time.AfterFunc(p.finishing, abort)
	defer giveUp.Stop()
	for p.inFlight > 0 {
		p.settle(<-p.results)
	}
	p.databaseAt = time.Time{}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(sending), leaseTimeout)
	defer cancel()
	p.mark(ctx)
}
