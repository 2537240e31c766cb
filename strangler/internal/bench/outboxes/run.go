package outboxes

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"time"

	"banyan.dev/platform/outbox/outboxbench"
)

// The hidden command that is a process of the measuring, below Parent.
const (
	Parent  = "bench"
	Command = "internal-events"
)

// Serve is what that command does.
func Serve(ctx context.Context, self []string) error {
	return outboxbench.Process{Self: process(self), Open: outboxbench.Subjects}.Serve(ctx, os.Stdin, os.Stdout)
}

func process(self []string) []string { return append(self[:len(self):len(self)], Parent, Command) }

// contender is who takes part, with what it reached in each round.
type contender struct {
	name    string
	program []string
	version string

	latency []answer
	drain   []answer
	idle    []answer
}

// stage is what one run has.
type stage struct {
	Config
	dir        string
	servers    *servers
	contenders []*contender
	applied    []answer
	leftOut    []string
	turns, of  int
}

// Run measures, writes the table, and ends all that it started, also when it fails
// or ctx ends.
func Run(ctx context.Context, config Config) (err error) {
	if err := config.validate(); err != nil {
		return err
	}
	s := &stage{Config: config}
	if s.dir, err = os.MkdirTemp("", "banyan-bench-*"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(s.dir)) }()
	if err := s.gather(ctx); err != nil {
		return err
	}
	if s.servers, err = startServers(ctx, config); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.servers.stop()) }()
	if err := s.measure(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err() // what an interruption broke is no news
		}
		return err
	}
	return s.report().write(config.Out, config.JSON)
}

// measure gives everybody a turn in each round, beginning with another one each time.
func (s *stage) measure(ctx context.Context) error {
	s.of = s.Rounds * (len(s.contenders)*len(s.parts()) + s.inboxTurns())
	for round := range s.Rounds {
		for _, part := range s.parts() {
			for turn := range s.contenders {
				c := s.contenders[(round+turn)%len(s.contenders)]
				if err := s.turn(ctx, c, part); err != nil {
					return fmt.Errorf("%s of %s: %w", part.What, c.name, err)
				}
			}
		}
		if err := s.inbox(ctx); err != nil {
			return fmt.Errorf("the inbox: %w", err)
		}
	}
	return nil
}

// parts are what is asked of each contender.
func (s *stage) parts() (parts []outboxbench.Task) {
	if s.Duration > 0 {
		parts = append(parts, outboxbench.Task{What: outboxbench.MeasuringLatency, Rate: s.Rate, For: s.Duration})
	}
	if s.Backlog > 0 {
		parts = append(parts, outboxbench.Task{What: outboxbench.MeasuringDrain, Events: s.Backlog})
	}
	if s.Duration > 0 {
		parts = append(parts, outboxbench.Task{What: outboxbench.MeasuringIdle, For: s.idle()})
	}
	return parts
}

// idle is how long relays wait for events that don't come.
func (s *stage) idle() time.Duration { return s.Duration / 2 }

func (s *stage) turn(ctx context.Context, c *contender, t outboxbench.Task) error {
	t.Subject = c.name
	a, err := s.ask(ctx, c.program, t)
	if err != nil {
		return err
	}
	switch t.What {
	case outboxbench.MeasuringLatency:
		c.latency = append(c.latency, a)
	case outboxbench.MeasuringDrain:
		c.drain = append(c.drain, a)
	case outboxbench.MeasuringIdle:
		c.idle = append(c.idle, a)
	}
	return nil
}

func (s *stage) inboxTurns() int {
	if s.Applied > 0 {
		return 1
	}
	return 0
}

func (s *stage) inbox(ctx context.Context) error {
	if s.Applied == 0 {
		return nil
	}
	a, err := s.ask(ctx, process(s.Self), outboxbench.Task{What: outboxbench.MeasuringApplied, Subject: outboxbench.Inbox, Events: s.Applied})
	s.applied = append(s.applied, a)
	return err
}

// ask lets a program do the task in a place of its own.
func (s *stage) ask(ctx context.Context, program []string, t outboxbench.Task) (a answer, err error) {
	s.turns++
	s.Say(fmt.Sprintf("turn %d of %d: %s, %s", s.turns, s.of, t.Subject, what(t)))
	p, err := s.servers.place(ctx)
	if err != nil {
		return answer{}, err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	t.URL, t.Kafka, t.Topic = p.url, p.kafka, p.topic
	a, err = ask(ctx, program, t, s.servers.cpu)
	// The Kafka in this process leaves a lot behind, which the next turn shall not pay.
	runtime.GC()
	return a, err
}

func what(t outboxbench.Task) string {
	switch t.What {
	case outboxbench.MeasuringLatency:
		return fmt.Sprintf("%d events/s for %s", t.Rate, t.For.Round(time.Millisecond))
	case outboxbench.MeasuringDrain:
		return fmt.Sprintf("a backlog of %d events", t.Events)
	case outboxbench.MeasuringIdle:
		return fmt.Sprintf("nothing to do for %s", t.For.Round(time.Millisecond))
	default:
		return fmt.Sprintf("%d events to apply", t.Events)
	}
}
