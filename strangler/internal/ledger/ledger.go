package ledger

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Ledger is the history of all writes of a run. It is safe for concurrent use.
type Ledger struct {
	now func() time.Time

	mu     sync.Mutex
	ops    []Op
	events []event
}

// event is one line of the exported history.
type event struct {
	Event string    `json:"event"` // invoke, ok, fail, unknown, unseen
	Time  time.Time `json:"time"`
	Why   string    `json:"why,omitempty"`
	Op    Op        `json:"write"`
}

// New opens an empty ledger; now tells the time, usually time.Now.
func New(now func() time.Time) *Ledger { return &Ledger{now: now} }

// Invoke notes that a write is about to be sent, and numbers it. It comes before the first byte: a write that only
// got into the ledger with its answer could not be missed.
func (l *Ledger) Invoke(op Op) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	op.ID = int64(len(l.ops)) + 1
	op.Outcome, op.Invoked = Invoked, l.now()
	l.ops = append(l.ops, op)
	l.note(string(Invoked), op, "")
	return op.ID
}

// Acknowledge notes a write's success. aggregate is the id from the answer, version the one it names (0 for a
// deletion, which names none).
func (l *Ledger) Acknowledge(id int64, aggregate string, version int64) {
	l.settle(id, OK, "", func(op *Op) { op.Aggregate, op.Version = aggregate, version })
}

// Refuse notes that a write certainly did not happen.
func (l *Ledger) Refuse(id int64, why string) { l.settle(id, Failed, why, nil) }

// Doubt notes that nobody can know whether a write happened.
func (l *Ledger) Doubt(id int64, why string) { l.settle(id, Unknown, why, nil) }

// Unseen notes that the writer's own next read did not show an acknowledged write.
func (l *Ledger) Unseen(id int64, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	op := &l.ops[id-1]
	op.Unseen = why
	l.note("unseen", *op, why)
}

func (l *Ledger) settle(id int64, outcome Outcome, why string, change func(*Op)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	op := &l.ops[id-1]
	op.Outcome, op.Settled = outcome, l.now()
	if change != nil {
		change(op)
	}
	l.note(string(outcome), *op, why)
}

func (l *Ledger) note(name string, op Op, why string) {
	l.events = append(l.events, event{Event: name, Time: l.now(), Why: why, Op: op})
}

// History is a copy of all writes in the order in which they were invoked. A write that never settled stands there as
// unknown: whoever stopped waiting for it does not know either.
func (l *Ledger) History() []Op {
	l.mu.Lock()
	defer l.mu.Unlock()
	ops := slices.Clone(l.ops)
	for i := range ops {
		if ops[i].Outcome == Invoked {
			ops[i].Outcome = Unknown
		}
	}
	return ops
}

// Export writes the history as JSON lines, one event per line in the order of time. It may run beside writers and then
// ends with what was known when it began.
func (l *Ledger) Export(w io.Writer) error {
	l.mu.Lock()
	events := l.events[:len(l.events):len(l.events)]
	l.mu.Unlock()
	lines := json.NewEncoder(w)
	for _, e := range events {
		if err := lines.Encode(e); err != nil {
			return fmt.Errorf("write operation %d of the history: %w", e.Op.ID, err)
		}
	}
	return nil
}
