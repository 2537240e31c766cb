package reconcile

import (
	"context"
	"slices"
	"time"
)

// suspect is a row that differed at the first look.
type suspect struct {
	Key
	since       time.Time
	first, last [2]*Row // the owner's and the follower's
}

// The pauses between two looks grow from the first to the last.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = time.Second
)

// lookAgain looks at the suspects until each is explained or its time is up, and
// returns those that are differences. The last look at a row is after its time.
func (c *comparison) lookAgain(ctx context.Context) (differences []Difference, err error) {
	pending := c.suspects
	c.suspects = nil
	for i := range pending {
		pending[i].last = pending[i].first
	}
	if c.opts.Again < 0 {
		return c.decide(pending), nil
	}
	for pause := firstPause; len(pending) > 0; pause = min(2*pause, lastPause) {
		at := time.Now()
		if err := c.lookAt(ctx, pending); err != nil {
			return nil, err
		}
		var over, open []suspect
		for _, p := range pending {
			if p.explained() || at.Sub(p.since) >= c.opts.Again {
				over = append(over, p)
			} else {
				open = append(open, p)
			}
		}
		differences, pending = append(differences, c.decide(over)...), open
		if err := wait(ctx, c.untilNext(pending, pause)); err != nil {
			return nil, err
		}
	}
	return differences, nil
}

// untilNext is the pause before the next look: not beyond the time of the first one
// whose time is up.
func (c *comparison) untilNext(pending []suspect, pause time.Duration) time.Duration {
	if len(pending) == 0 {
		return 0
	}
	first := slices.MinFunc(pending, func(a, b suspect) int { return a.since.Compare(b.since) })
	return max(0, min(pause, time.Until(first.since.Add(c.opts.Again))))
}

// lookAt reads the rows of both sides as they are now.
func (c *comparison) lookAt(ctx context.Context, pending []suspect) error {
	byKey, places := make(map[Key]*suspect, len(pending)), map[string][]string{}
	for i := range pending {
		p := &pending[i]
		p.last, byKey[p.Key] = [2]*Row{}, p
		places[p.Kind] = append(places[p.Kind], p.Place)
	}
	for kind, all := range places {
		slices.Sort(all)
		for some := range slices.Chunk(slices.Compact(all), MaxPlaces) {
			both, err := ask(ctx, c, func(ctx context.Context, side Source) ([]Row, error) { return side.Find(ctx, kind, some) })
			if err != nil {
				return err
			}
			note(byKey, both)
		}
	}
	return nil
}

func note(suspects map[Key]*suspect, both [2][]Row) {
	for side, rows := range both {
		for i := range rows {
			p := suspects[rows[i].Key]
			if p == nil {
				continue
			}
			p.last[side] = &rows[i]
			if p.first[side] == nil { // a new row, which came here since: this is where it begins
				p.first[side] = &rows[i]
			}
		}
	}
}

// decide says what became of suspects.
func (c *comparison) decide(over []suspect) (differences []Difference) {
	for _, p := range over {
		kind := c.kinds[p.Kind]
		if p.explained() {
			kind.Explained++
			if p.moves() {
				kind.Moving++
			}
			continue
		}
		kind.Differences++
		differences = append(differences, p.difference())
	}
	return differences
}

// explained tells whether the last look shows no difference.
func (p suspect) explained() bool {
	return p.last[atOwner].same(p.last[atFollower]) || p.moves()
}

// moves tells whether the row is one that is changed all the time, and the follower
// goes along: since the first look it has gone on, and each side has reached what the
// other one had then. That it is not equal is the lag. What it has at a version that
// the owner has left behind can't be compared any more.
func (p suspect) moves() bool {
	was, is := p.first, p.last
	for _, r := range []*Row{was[atOwner], was[atFollower], is[atOwner], is[atFollower]} {
		if r == nil {
			return false
		}
	}
	return is[atFollower].Version > was[atFollower].Version && is[atFollower].Version != is[atOwner].Version &&
		is[atFollower].Version >= was[atOwner].Version && is[atOwner].Version >= was[atFollower].Version
}

// difference says how a suspect differs at the last look.
func (p suspect) difference() Difference {
	own, theirs := p.last[atOwner], p.last[atFollower]
	d := Difference{Key: p.Key, Owner: own, Follower: theirs, What: Content}
	switch {
	case theirs == nil:
		d.What = Missing
	case own == nil:
		d.What = Extra
	case theirs.Version < own.Version:
		d.What = Older
	case theirs.Version > own.Version:
		d.What = Newer
	}
	return d
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
