package outboxbench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"banyan.dev/platform/broker"
)

// parts are what runs beside the measuring. When one fails, all end.
type parts struct {
	cancel context.CancelFunc
	all    sync.WaitGroup
	mu     sync.Mutex
	err    error
}

func running(ctx context.Context, cancel context.CancelFunc, s Subject) *parts {
	p := &parts{cancel: cancel}
	p.run(func() error { return s.Relay(ctx) })
	if s.Beside != nil {
		p.run(func() error { return s.Beside(ctx) })
	}
	return p
}

func (p *parts) run(f func() error) {
	p.all.Go(func() {
		if err := f(); err != nil && !errors.Is(err, context.Canceled) {
			p.mu.Lock()
			p.err = errors.Join(p.err, err)
			p.mu.Unlock()
			p.cancel()
		}
	})
}

func (p *parts) wait() error {
	p.all.Wait()
	return p.err
}

// arrivals notes when messages are first seen.
type arrivals struct {
	mu   sync.Mutex
	at   []time.Time
	left int
	done chan struct{}
	warm chan struct{} // the last of the events that are not counted
}

// watch consumes the topic from its end and waits until the group has all
// partitions.
func watch(ctx context.Context, at Place, n int, p *parts) (*arrivals, error) {
	a := &arrivals{at: make([]time.Time, n), left: n, done: make(chan struct{}), warm: make(chan struct{}, 1)}
	assigned := make(chan struct{}, at.Topic.Partitions)
	group := fmt.Sprintf("outboxbench-%d", time.Now().UnixNano())
	p.run(func() error {
		return at.Broker.Consume(ctx, broker.ConsumerConfig{Group: group, Topics: []string{at.Topic.Name}}, func(ctx context.Context, part *broker.Partition) error {
			select {
			case assigned <- struct{}{}:
			default:
			}
			for {
				messages, err := part.Fetch(ctx, 1000)
				if err != nil {
					return nil
				}
				a.note(messages, time.Now())
			}
		})
	})
	for range at.Topic.Partitions {
		select {
		case <-assigned:
		case <-time.After(arriving):
			return nil, fmt.Errorf("no consumer was assigned the partitions of %s", at.Topic.Name)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return a, nil
}

func (a *arrivals) note(messages []broker.Message, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range messages {
		i, err := strconv.Atoi(string(m.Key))
		if err == nil && i == lastWarm {
			select {
			case a.warm <- struct{}{}:
			default:
			}
		}
		if err != nil || i < 0 || i >= len(a.at) || !a.at[i].IsZero() {
			continue
		}
		a.at[i] = now
		if a.left--; a.left == 0 {
			close(a.done)
		}
	}
}

// wait returns when done is readable.
func (a *arrivals) wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(arriving):
		a.mu.Lock()
		defer a.mu.Unlock()
		return fmt.Errorf("%d of %d events have not arrived after %v", a.left, len(a.at), arriving)
	}
}
