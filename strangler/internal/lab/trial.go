package lab

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/inbox"
	"banyan.dev/strangler/internal/lab/notes"
)

const (
	partitions  = 4
	writers     = 3 // of each side that has some
	firstNotes  = 300
	patience    = 2 * time.Minute // with a round, beyond its length
	writerNamed = "banyan-lab-writer"
	ownNamed    = "banyan-lab"
)

// trial is one way with databases and topics of its own.
type trial struct {
	way     way
	world   *world
	n       int
	random  *rand.Rand
	people  []*person
	seeds   []notes.Note
	history history
	front   *front
	crew    *crew
	// old and new are this process's own access; topics are what each of the two tells
	// the other on.
	old, new *notes.Store
	topics   [2]broker.Topic
	// following ends the inboxes.
	following context.CancelFunc
	inboxes   errgroup.Group

	copied        bool
	moves, gaveUp int
}

// try runs a way round by round: a red one until it has failed often enough, the
// other one for so many rounds; and each until it has shown something.
func (w *world) try(ctx context.Context, one way, n, rounds int) (r Result, err error) {
	began := time.Now()
	t := &trial{way: one, world: w, n: n, random: rand.New(rand.NewPCG(w.cfg.Seed, uint64(n))), front: &front{route: oldSide}}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.prepare(ctx); err != nil {
		return r, err
	}
	r = Result{Name: one.name, Title: one.title, Red: one.red, Why: one.why}
	for !r.OK && r.Rounds < w.cfg.Rounds || !one.red && r.Rounds < rounds {
		r.Rounds++
		w.cfg.Say(fmt.Sprintf("%s: round %d", one.title, r.Rounds))
		if err := t.round(ctx); err != nil {
			return r, fmt.Errorf("round %d: %w", r.Rounds, err)
		}
		if r.Counts, err = t.judge(ctx); err != nil {
			return r, err
		}
		r.Killed, r.Unanswered, r.GaveUp = t.crew.killed, t.history.unanswered, t.gaveUp
		r.OK, r.Verdict = one.verdict(r, w.cfg.AtLeast)
		if !one.red && r.Faults() > 0 {
			break
		}
	}
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

func (t *trial) prepare(ctx context.Context) error {
	for i := range t.topics {
		t.topics[i] = broker.Topic{Name: fmt.Sprintf("lab.%d.%s", t.n, [2]string{oldSide, newSide}[i]), Partitions: partitions}
	}
	if err := t.world.broker.EnsureTopics(ctx, t.topics[0], t.topics[1]); err != nil {
		return err
	}
	var both errgroup.Group
	both.Go(func() (err error) { t.old, err = t.open(ctx, t.config(oldSide)); return err })
	both.Go(func() (err error) { t.new, err = t.open(ctx, t.config(newSide)); return err })
	if err := both.Wait(); err != nil {
		return err
	}
	if err := t.adopt(ctx); err != nil {
		return err
	}
	if err := t.sow(ctx); err != nil {
		return err
	}
	for i := range t.world.cfg.Clients {
		t.people = append(t.people, t.person(i))
	}
	if err := t.follow(ctx); err != nil {
		return err
	}
	t.hire()
	return t.crew.begin(ctx)
}

// config is a side's store, as its writers open it.
func (t *trial) config(side string) notes.Config {
	c := notes.Config{
		URL: t.world.postgres.URL(t.database(side)), Name: side, Peer: oldSide, Process: writerNamed, Guarded: t.way.guarded,
	}
	if side == oldSide {
		c.Peer = newSide
	}
	if side == oldSide && t.way.oldFeeds && t.way.after != publishDirectly {
		c.Feed = t.topics[0]
	}
	if side == newSide && t.way.newFeeds {
		c.Feed = t.topics[1]
	}
	return c
}

func (t *trial) database(side string) string { return fmt.Sprintf("lab_%d_%s", t.n, side) }

// open makes a side's database and opens it for this process.
func (t *trial) open(ctx context.Context, c notes.Config) (*notes.Store, error) {
	if err := t.world.postgres.CreateDatabase(ctx, t.database(c.Name)); err != nil {
		return nil, err
	}
	if err := notes.Migrate(ctx, c.URL); err != nil {
		return nil, err
	}
	c.Process = ownNamed
	return notes.Open(ctx, c)
}

// sow makes the notes of the first day.
func (t *trial) sow(ctx context.Context) error {
	keys := t.keys(1 << 32)
	for range firstNotes {
		id, err := uuid.NewRandomFromReader(keys)
		if err != nil {
			return err
		}
		t.seeds = append(t.seeds, notes.Note{ID: id.String(), Version: 1, Text: "on the first day", Made: "seed"})
	}
	if err := t.old.Seed(ctx, t.seeds); err != nil {
		return err
	}
	if t.way.unsown {
		return nil
	}
	return t.new.Seed(ctx, t.seeds)
}

func (t *trial) keys(i int) *rand.ChaCha8 {
	var seed [32]byte
	source := rand.New(rand.NewPCG(t.world.cfg.Seed, uint64(t.n)<<40+uint64(i)))
	for j := range seed {
		seed[j] = byte(source.Uint32())
	}
	return rand.NewChaCha8(seed)
}

func (t *trial) person(i int) *person {
	return &person{
		trial: t, random: rand.New(rand.NewPCG(t.world.cfg.Seed, uint64(t.n)<<32+uint64(i)+1)), keys: t.keys(i),
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 4}},
	}
}

// hire says which processes there are.
func (t *trial) hire() {
	t.crew = &crew{self: t.world.cfg.Self}
	sides := []string{oldSide}
	if t.way.writesAtNew {
		sides = append(sides, newSide)
	}
	for _, side := range sides {
		here := task{Kind: writing, Here: t.config(side), After: t.way.after, Kafka: t.world.addr}
		switch t.way.after {
		case writeOther, repairOther:
			here.Other = t.config(newSide)
		case publishDirectly:
			here.Other.Feed = t.topics[0]
		}
		for range writers {
			t.crew.places = append(t.crew.places, &place{side: side, task: here})
		}
		if here.Here.Feed.Name != "" {
			relay := task{Kind: relaying, Here: here.Here, Kafka: t.world.addr}
			relay.Here.Process = "banyan-lab-relay"
			t.crew.places = append(t.crew.places, &place{side: side, task: relay})
		}
	}
}

// follow begins the inboxes. They are here and not in a process that is killed: Kafka
// gives a killed member's partitions to nobody for 6 s.
func (t *trial) follow(ctx context.Context) error {
	ctx, t.following = context.WithCancel(context.WithoutCancel(ctx))
	feeds := []struct {
		is    bool
		store *notes.Store
		topic broker.Topic
	}{{t.way.oldFeeds, t.new, t.topics[0]}, {t.way.newFeeds, t.old, t.topics[1]}}
	handler := t.way.follower
	if handler == nil {
		handler = notes.Follower()
	}
	for _, f := range feeds {
		if !f.is {
			continue
		}
		in, err := inbox.New(inbox.Config{
			Consumer: group(f.topic.Name), Resource: notes.Resource, Topics: []string{f.topic.Name},
			DB: f.store.DB(), Broker: t.world.broker, Handler: handler, Session: 6 * time.Second,
		})
		if err != nil {
			return err
		}
		t.inboxes.Go(func() error { return in.Run(ctx) })
	}
	return nil
}

func group(topic string) string { return topic + ".follower" }

func (t *trial) close() error {
	if t.crew != nil {
		t.crew.stop()
	}
	var errs []error
	if t.following != nil {
		t.following()
		errs = append(errs, t.inboxes.Wait())
	}
	for _, p := range t.people {
		p.http.CloseIdleConnections()
	}
	for _, s := range []*notes.Store{t.old, t.new} {
		if s != nil {
			errs = append(errs, s.Close())
		}
	}
	return errors.Join(errs...)
}
