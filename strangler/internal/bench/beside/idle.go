package beside

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"banyan.dev/strangler/internal/bench/peers"
	"banyan.dev/strangler/internal/bench/wire"
)

// idleLooks is how often idle connections are measured, if there are as many
// rounds: where a garbage collector stands at the end is luck.
const idleLooks = 3

// idle opens many connections, lets each ask once, and looks what they cost who
// keeps them. Each time the contender is fresh.
func (s *stage) idle(ctx context.Context) error {
	if s.Idle == 0 {
		return nil
	}
	for _, name := range []string{peers.Nginx, peers.HAProxy, peers.Gateway} {
		c, ok := peers.Find(name, s.Self, s.gateway)
		if !ok || !s.wants(name) {
			continue
		}
		var looks []Idle
		for look := range min(idleLooks, s.Rounds) {
			s.Say(fmt.Sprintf("%d idle connections to %s, look %d", s.Idle, name, look+1))
			result, err := s.idleAt(ctx, c)
			if err != nil {
				return fmt.Errorf("idle connections of %s: %w", name, err)
			}
			looks = append(looks, result)
		}
		s.report.Idle = append(s.report.Idle, middle(looks))
	}
	return nil
}

// middle is the look whose cost is the median, or just above it, with the costs of
// all and the fewest connections that any of them held.
func middle(looks []Idle) Idle {
	slices.SortFunc(looks, func(a, b Idle) int { return cmp.Compare(a.Each, b.Each) })
	m := looks[len(looks)/2]
	for _, look := range looks {
		m.Looks = append(m.Looks, look.Each)
		m.Held = min(m.Held, look.Held)
	}
	return m
}

func (s *stage) idleAt(ctx context.Context, c peers.Contender) (Idle, error) {
	p, err := s.start(ctx, c)
	if err != nil {
		return Idle{}, err
	}
	defer p.Stop()
	// A few first: what a process takes for its very first requests is no
	// connection's.
	first, err := wire.Gather(ctx, s.target(p.Setting.Address), min(s.Idle, s.Connections))
	if err != nil {
		return Idle{}, err
	}
	first.Close()
	before, err := settled(ctx, p)
	if err != nil {
		return Idle{}, err
	}
	crowd, err := wire.Gather(ctx, s.target(p.Setting.Address), s.Idle)
	if err != nil {
		return Idle{}, err
	}
	defer crowd.Close()
	after, err := settled(ctx, p)
	if err != nil {
		return Idle{}, err
	}
	held, err := crowd.Ask(ctx)
	if err != nil {
		return Idle{}, err
	}
	return Idle{
		Contender: c.Name, Connections: s.Idle, Held: held, Before: before, After: after,
		Each: float64(after-before) / float64(s.Idle),
	}, nil
}

// settled is the process's resident memory once it changes by less than a
// hundredth within eight seconds, or after thirty: a process may give memory back a
// while after it had use for it, as the gateway does.
func settled(ctx context.Context, p *peers.Process) (int64, error) {
	const (
		every = 250 * time.Millisecond
		calm  = int(8 * time.Second / every)
		most  = int(30 * time.Second / every)
	)
	look := time.NewTicker(every)
	defer look.Stop()
	since := p.Usage().Resident
	for quiet, looks := 0, 0; quiet < calm && looks < most; looks++ {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-look.C:
		}
		now := p.Usage().Resident
		quiet++
		if math.Abs(float64(now-since)) > float64(since)/100 {
			since, quiet = now, 0
		}
	}
	return p.Usage().Resident, nil
}
