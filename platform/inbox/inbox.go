package inbox

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"banyan.dev/platform/broker"
)

// Inbox is one member of a consumer.
type Inbox struct {
	cfg     Config
	metrics *metrics
	log     *slog.Logger
	letters *broker.Publisher

	wrap func(source) source // for tests that break something; nil otherwise
}

// New makes an Inbox; it begins with Run. Its errors name what of the configuration
// can't be.
func New(cfg Config) (*Inbox, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	b := &Inbox{cfg: cfg, log: cfg.Logger.With("consumer", cfg.Consumer), letters: cfg.Broker.Publisher()}
	b.metrics = newMetrics(cfg.Consumer)
	if err := b.metrics.register(cfg.Registerer); err != nil {
		return nil, err
	}
	return b, nil
}

// Run consumes until ctx ends, and returns when nothing of it runs any more; once
// only. A database or a broker that is away does not end it.
func (b *Inbox) Run(ctx context.Context) error {
	defer b.metrics.unregister(b.cfg.Registerer)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		err := b.cfg.Broker.Consume(ctx, broker.ConsumerConfig{
			Group: b.cfg.Consumer, Topics: b.cfg.Topics, Session: b.cfg.Session, Queue: 2 * b.cfg.Batch,
		}, b.partition)
		if err != nil {
			return fmt.Errorf("inbox %s: %w", b.cfg.Consumer, err)
		}
		return nil
	})
	group.Go(func() error { b.round(ctx); return nil })
	return group.Wait()
}

func (b *Inbox) partition(ctx context.Context, p *broker.Partition) error {
	w := &worker{Inbox: b, topic: p.Topic, id: p.ID, source: p}
	if b.wrap != nil {
		w.source = b.wrap(p)
	}
	return w.run(ctx)
}

// How much rarer than each round some duties are.
const (
	trimEvery = time.Minute
	lagEvery  = 5 * time.Second
)

// round does what belongs to no partition, again and again. All members do it; rows
// are locked, or doing it twice does no harm.
func (b *Inbox) round(ctx context.Context) {
	trim, lag := duty{every: trimEvery}, duty{every: lagEvery}
	letters := newLetters(b)
	for ctx.Err() == nil {
		b.tell(ctx, "redrive dead letters", b.redrive(ctx))
		b.tell(ctx, "publish dead letters", letters.publish(ctx))
		if trim.due() {
			b.tell(ctx, "trim inbox rows", b.trim(ctx))
		}
		if lag.due() {
			b.tell(ctx, "measure lag", b.measure(ctx))
		}
		_ = sleep(ctx, b.cfg.Every) // the loop looks at ctx
	}
}

func (b *Inbox) tell(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		b.log.WarnContext(ctx, "inbox duty failed; it is tried again", "duty", what, "error", err)
	}
}

// duty is done every so often, and at once the first time.
type duty struct {
	every time.Duration
	last  time.Time
}

func (d *duty) due() bool {
	if now := time.Now(); d.last.IsZero() || now.Sub(d.last) >= d.every {
		d.last = now
		return true
	}
	return false
}
