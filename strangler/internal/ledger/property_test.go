package ledger_test

import (
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"banyan.dev/strangler/internal/ledger"
)

// world is a blog that keeps every promise, with writers as package traffic has them. It is the oracle of the
// checker: what it shows is right by construction, until a test plants a fault.
type world struct {
	history []ledger.Op
	shown   map[string]*ledger.Sighting // what is there, by id
	parents map[string]string
	idle    []string // what its writer may still write to
	next    int64
}

func newWorld() *world {
	return &world{shown: map[string]*ledger.Sighting{}, parents: map[string]string{}}
}

// step makes one write with any outcome that a writer can meet.
func (w *world) step(t *rapid.T) {
	op := ledger.Op{ID: int64(len(w.history)) + 1, Window: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "window")}
	op.Outcome = rapid.SampledFrom([]ledger.Outcome{ledger.OK, ledger.OK, ledger.OK, ledger.Failed, ledger.Unknown}).Draw(t, "outcome")
	happens := op.Outcome == ledger.OK || op.Outcome == ledger.Unknown && rapid.Bool().Draw(t, "happened")
	if len(w.idle) == 0 || rapid.IntRange(0, 2).Draw(t, "create") == 0 {
		w.create(t, &op, happens)
	} else {
		w.change(t, &op, happens)
	}
	w.history = append(w.history, op)
}

func (w *world) create(t *rapid.T, op *ledger.Op, happens bool) {
	w.next++
	id := fmt.Sprintf("id%d", w.next)
	sighting := ledger.Sighting{Type: ledger.Post, ID: id, Version: 1, Listed: 1}
	op.Kind, op.Marker = ledger.CreatePost, ledger.Marker("t", op.ID)
	if posts := w.living(ledger.Post); len(posts) > 0 && rapid.Bool().Draw(t, "comment") {
		op.Kind, sighting.Type = ledger.CreateComment, ledger.Comment
		op.Parent = rapid.SampledFrom(posts).Draw(t, "parent")
		w.parents[id] = op.Parent
	}
	sighting.Markers = []string{op.Marker}
	if happens {
		w.shown[id] = &sighting
	}
	if op.Outcome == ledger.OK {
		op.Aggregate, op.Version = id, 1
		w.idle = append(w.idle, id)
	}
}

func (w *world) change(t *rapid.T, op *ledger.Op, happens bool) {
	op.Aggregate = rapid.SampledFrom(w.idle).Draw(t, "aggregate")
	s := w.shown[op.Aggregate]
	kinds := []ledger.Kind{ledger.EditPost, ledger.EditPost, ledger.PublishPost, ledger.DeletePost}
	if s.Type == ledger.Comment {
		kinds = []ledger.Kind{ledger.EditComment, ledger.EditComment, ledger.DeleteComment}
		op.Parent = w.parents[op.Aggregate]
	}
	op.Kind = rapid.SampledFrom(kinds).Draw(t, "kind")
	deletes := op.Kind == ledger.DeletePost || op.Kind == ledger.DeleteComment
	switch op.Kind {
	case ledger.EditPost, ledger.EditComment:
		op.Marker = ledger.Marker("t", op.ID)
	}
	if happens {
		w.apply(*op)
	}
	if op.Outcome == ledger.OK && !deletes {
		op.Version = s.Version
	}
	if op.Outcome == ledger.Unknown || op.Outcome == ledger.OK && deletes {
		w.idle = slices.DeleteFunc(w.idle, func(id string) bool { return id == op.Aggregate || w.parents[id] == op.Aggregate && deletes })
	}
}

func (w *world) apply(op ledger.Op) {
	s := w.shown[op.Aggregate]
	s.Version++
	switch op.Kind {
	case ledger.PublishPost:
		s.Published = true
	case ledger.DeletePost, ledger.DeleteComment:
		delete(w.shown, op.Aggregate)
		for id, parent := range w.parents {
			if parent == op.Aggregate {
				delete(w.shown, id)
			}
		}
	default:
		s.Markers = []string{op.Marker}
	}
}

func (w *world) living(kind ledger.Type) []string {
	var ids []string
	for _, id := range w.idle {
		if w.shown[id].Type == kind {
			ids = append(ids, id)
		}
	}
	return ids
}

func (w *world) snapshot() ledger.Snapshot {
	var all ledger.Snapshot
	for _, s := range w.shown {
		all = append(all, *s)
	}
	return all
}

func grow(t *rapid.T) *world {
	w := newWorld()
	for range rapid.IntRange(1, 40).Draw(t, "writes") {
		w.step(t)
	}
	return w
}

func TestABlogThatKeepsItsPromisesIsNeverAccused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := grow(t)
		report := ledger.Check(w.history, w.snapshot())
		if !report.OK() {
			t.Fatalf("accused without a fault:\n%s", report.Explain(20))
		}
	})
}

func TestEachPlantedFaultIsFound(t *testing.T) {
	faults := map[string]struct {
		plant func(*rapid.T, *world) bool
		found func(ledger.Tally) int
	}{
		"drop":      {dropOne, func(t ledger.Tally) int { return t.Lost }},
		"copy":      {copyOne, func(t ledger.Tally) int { return t.Duplicated }},
		"repeat":    {repeatOne, func(t ledger.Tally) int { return t.Duplicated }},
		"lose edit": {loseEdit, func(t ledger.Tally) int { return t.Lost }},
		"overtake":  {overtake, func(t ledger.Tally) int { return t.OutOfOrder }},
		"revive":    {revive, func(t ledger.Tally) int { return t.CameBack }},
		"not rise":  {notRise, func(t ledger.Tally) int { return t.OutOfOrder }},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				w := grow(t)
				if !fault.plant(t, w) {
					return
				}
				report := ledger.Check(w.history, w.snapshot())
				if fault.found(report.Tally) == 0 {
					t.Fatalf("not found: %s", report)
				}
			})
		})
	}
}

// pick draws one thing that its writer may still write to, so that what it must show is certain.
func pick(t *rapid.T, w *world, like func(id string) bool) (string, bool) {
	var ids []string
	for _, id := range w.idle {
		if w.shown[id] != nil && w.certain(id) && like(id) {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return "", false
	}
	return rapid.SampledFrom(ids).Draw(t, "victim"), true
}

// certain is false for a comment whose post may have been deleted.
func (w *world) certain(id string) bool {
	parent, has := w.parents[id]
	return !has || slices.Contains(w.idle, parent)
}

func anything(string) bool { return true }

func dropOne(t *rapid.T, w *world) bool {
	id, ok := pick(t, w, anything)
	delete(w.shown, id)
	return ok
}

func copyOne(t *rapid.T, w *world) bool {
	id, ok := pick(t, w, anything)
	if ok {
		twin := *w.shown[id]
		twin.ID = "twin"
		w.shown["twin"] = &twin
	}
	return ok
}

func repeatOne(t *rapid.T, w *world) bool {
	id, ok := pick(t, w, anything)
	if ok {
		w.shown[id].Listed++
	}
	return ok
}

func (w *world) texts(id string) []ledger.Op {
	var ops []ledger.Op
	for _, op := range w.history {
		if op.Aggregate == id && op.Marker != "" && op.Outcome == ledger.OK {
			ops = append(ops, op)
		}
	}
	return ops
}

func edited(w *world) func(string) bool {
	return func(id string) bool { return len(w.texts(id)) > 1 }
}

func loseEdit(t *rapid.T, w *world) bool {
	id, ok := pick(t, w, edited(w))
	if ok {
		texts := w.texts(id)
		before := texts[len(texts)-2]
		w.shown[id].Markers, w.shown[id].Version = []string{before.Marker}, before.Version
	}
	return ok
}

func overtake(t *rapid.T, w *world) bool {
	id, ok := pick(t, w, edited(w))
	if ok {
		w.shown[id].Markers = []string{w.texts(id)[0].Marker}
		w.shown[id].Version++
	}
	return ok
}

func revive(_ *rapid.T, w *world) bool {
	for _, op := range w.history {
		if op.Outcome == ledger.OK && (op.Kind == ledger.DeletePost || op.Kind == ledger.DeleteComment) {
			w.shown[op.Aggregate] = &ledger.Sighting{Type: op.Kind.Type(), ID: op.Aggregate, Version: 1, Listed: 1}
			return true
		}
	}
	return false
}

func notRise(t *rapid.T, w *world) bool {
	id, ok := pick(t, w, edited(w))
	if !ok {
		return false
	}
	last := w.texts(id)[len(w.texts(id))-1]
	w.history[last.ID-1].Version = w.texts(id)[0].Version
	return true
}
