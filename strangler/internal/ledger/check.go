package ledger

import (
	"fmt"
	"slices"
)

// Check compares a history with what was read back after its last write had settled.
//
// It relies on what the history's writers guarantee: one writer per aggregate, one write at a time, each edit with
// If-Match on the version before it, and no write to an aggregate after one of unknown outcome to it. So an unknown edit or
// deletion can only be the last, and what an aggregate must show at the end is known but for that one choice.
// The idea of checking a history of invocations and answers, unknown ones included, is that of Jepsen's Knossos
// and Elle; a sole writer per aggregate makes the search for an order unnecessary.
func Check(history []Op, snapshot Snapshot) Report {
	c := newChecker(history, snapshot)
	for _, op := range history {
		c.count(op)
	}
	for _, key := range c.order {
		c.checkAggregate(c.aggregates[key])
	}
	c.checkDuplicates(history)
	return c.report
}

// aggregate is the writes to one post or comment, in order, without the refused ones.
type aggregate struct {
	kind Type
	id   string
	ops  []Op
}

type checker struct {
	report     Report
	sightings  map[string]Sighting
	byMarker   map[string][]string // marker -> keys of the sightings that show it, one entry each time
	aggregates map[string]*aggregate
	order      []string // keys of aggregates as they appear, so that a report reads the same each time
}

func newChecker(history []Op, snapshot Snapshot) *checker {
	c := &checker{
		report:     Report{ByWindow: map[string]Tally{}},
		sightings:  map[string]Sighting{},
		byMarker:   map[string][]string{},
		aggregates: map[string]*aggregate{},
	}
	for _, s := range snapshot {
		c.see(s)
	}
	for _, op := range history {
		c.file(op)
	}
	return c
}

func (c *checker) see(s Sighting) {
	key := keyOf(s.Type, s.ID)
	c.sightings[key] = s
	for _, m := range s.Markers {
		c.byMarker[m] = append(c.byMarker[m], key)
	}
	if s.Type == Post {
		c.report.Posts++
	} else {
		c.report.Comments++
	}
}

func (c *checker) file(op Op) {
	if op.Outcome == Failed || op.Aggregate == "" {
		return
	}
	key := keyOf(op.Kind.Type(), op.Aggregate)
	if c.aggregates[key] == nil {
		c.aggregates[key] = &aggregate{kind: op.Kind.Type(), id: op.Aggregate}
		c.order = append(c.order, key)
	}
	c.aggregates[key].ops = append(c.aggregates[key].ops, op)
}

func (c *checker) count(op Op) {
	switch op.Outcome {
	case OK:
		c.tally(op.Window, func(t *Tally) { t.Acknowledged++ })
	case Unknown, Invoked:
		c.tally(op.Window, func(t *Tally) { t.Unknown++ })
	}
	if op.Unseen != "" {
		c.find(NotSeen, op, "%s", op.Unseen)
	}
}

func (c *checker) tally(window string, add func(*Tally)) {
	add(&c.report.Tally)
	t := c.report.ByWindow[window]
	add(&t)
	c.report.ByWindow[window] = t
}

func (c *checker) find(fault Fault, op Op, format string, args ...any) {
	c.tally(op.Window, func(t *Tally) {
		switch fault {
		case Lost:
			t.Lost++
		case Duplicated:
			t.Duplicated++
		case OutOfOrder:
			t.OutOfOrder++
		case NotSeen:
			t.NotSeen++
		case CameBack:
			t.CameBack++
		}
	})
	c.report.Findings = append(c.report.Findings, Finding{
		Fault: fault, Window: op.Window, Operation: op.ID, Kind: op.Kind, Aggregate: op.Aggregate,
		Detail: fmt.Sprintf(format, args...),
	})
}

func (c *checker) checkAggregate(a *aggregate) {
	c.checkVersions(a)
	last := a.lastAcknowledged(func(Op) bool { return true })
	if last == nil {
		return
	}
	shown, there := c.sightings[keyOf(a.kind, a.id)]
	switch {
	case last.Kind.deletes() && there:
		c.find(CameBack, *last, "its deletion was acknowledged, and it is there in version %d", shown.Version)
	case last.Kind.deletes():
	case !there && !c.mayBeGone(a):
		c.find(Lost, *last, "the %s is gone, and nobody deleted it", a.kind)
	case there:
		c.checkContent(a, shown)
		c.checkPublished(a, shown)
	}
}

// checkVersions finds answers whose version did not rise: two writes that both believed to be the newest.
func (c *checker) checkVersions(a *aggregate) {
	var newest int64
	for _, op := range a.ops {
		if op.Outcome != OK || op.Kind.deletes() {
			continue
		}
		// Publishing what is published already changes nothing, so its version may stay.
		if op.Version < newest || op.Version == newest && op.Kind != PublishPost {
			c.find(OutOfOrder, op, "answered version %d after version %d", op.Version, newest)
		}
		newest = max(newest, op.Version)
	}
}

// checkContent compares the text shown with the last one acknowledged. A version that is too low tells that the
// write itself is missing; one that is high enough, with an older text, that something older came after it.
func (c *checker) checkContent(a *aggregate, shown Sighting) {
	last := a.lastAcknowledged(func(op Op) bool { return op.Marker != "" })
	if last == nil {
		return
	}
	text := "none"
	if len(shown.Markers) > 0 {
		text = shown.Markers[0]
	}
	later := slices.ContainsFunc(a.ops, func(op Op) bool {
		return op.ID > last.ID && op.Outcome != OK && op.Marker == text
	})
	switch {
	case text == last.Marker && shown.Version < last.Version:
		c.find(OutOfOrder, *last, "acknowledged as version %d, and shown as version %d", last.Version, shown.Version)
	case text == last.Marker || later:
	case shown.Version < last.Version:
		c.find(Lost, *last, "acknowledged as version %d with %s, and shown as version %d with %s", last.Version, last.Marker, shown.Version, text)
	default:
		c.find(OutOfOrder, *last, "version %d wrote %s, and version %d shows %s", last.Version, last.Marker, shown.Version, text)
	}
}

func (c *checker) checkPublished(a *aggregate, shown Sighting) {
	published := a.lastAcknowledged(func(op Op) bool { return op.Kind == PublishPost })
	if published != nil && !shown.Published {
		c.find(Lost, *published, "its publication was acknowledged, and it is a draft")
	}
}

// mayBeGone tells whether an unknown deletion, or a deletion of the post above, excuses its absence.
func (c *checker) mayBeGone(a *aggregate) bool {
	if slices.ContainsFunc(a.ops, func(op Op) bool { return op.Kind.deletes() }) {
		return true
	}
	if a.kind != Comment {
		return false
	}
	post := c.aggregates[keyOf(Post, a.parent())]
	return post != nil && slices.ContainsFunc(post.ops, func(op Op) bool { return op.Kind.deletes() })
}

// checkDuplicates looks at each text written: it may stand in the one thing it was written to, once, and that
// thing may be named once by a listing.
func (c *checker) checkDuplicates(history []Op) {
	for _, op := range history {
		if op.Marker == "" {
			continue
		}
		if extra := c.extraCopies(op); extra > 0 {
			c.findTimes(extra, op, "%s also stands where it was not written, %d times", op.Marker, extra)
		}
		if !op.Kind.creates() || op.Aggregate == "" {
			continue
		}
		if listed := c.sightings[keyOf(op.Kind.Type(), op.Aggregate)].Listed; listed > 1 {
			c.findTimes(listed-1, op, "one listing names it %d times", listed)
		}
	}
}

func (c *checker) findTimes(times int, op Op, format string, args ...any) {
	for range times {
		c.find(Duplicated, op, format, args...)
	}
}

// extraCopies counts the places that show a write's text and should not. Where a creation's answer is unknown,
// one place, whichever, is as good as none.
func (c *checker) extraCopies(op Op) int {
	places := c.byMarker[op.Marker]
	if op.Aggregate == "" {
		return max(0, len(places)-1)
	}
	home := keyOf(op.Kind.Type(), op.Aggregate)
	if slices.Contains(places, home) {
		return len(places) - 1
	}
	return len(places)
}

func (a *aggregate) lastAcknowledged(like func(Op) bool) *Op {
	for i := len(a.ops) - 1; i >= 0; i-- {
		if a.ops[i].Outcome == OK && like(a.ops[i]) {
			return &a.ops[i]
		}
	}
	return nil
}

func (a *aggregate) parent() string {
	for _, op := range a.ops {
		if op.Parent != "" {
			return op.Parent
		}
	}
	return ""
}

func keyOf(kind Type, id string) string { return string(kind) + " " + id }
