package lab

import (
	"sync"

	"banyan.dev/strangler/internal/lab/notes"
)

// outcome is what a client knows of a write in the end.
type outcome string

const (
	acknowledged outcome = "acknowledged"
	refused      outcome = "refused" // it was told that nothing was done
	unknown      outcome = "unknown" // it gave up without an answer
)

// done is a write with its outcome, and with its answer where it is acknowledged.
type done struct {
	notes.Write
	told    notes.Answer
	outcome outcome
}

// history is all that clients did. It is safe for concurrent use.
type history struct {
	mu  sync.Mutex
	all []done
	// unanswered are requests without an answer; each of them is sent again, or its
	// client gives up.
	unanswered int
}

func (h *history) add(d done) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, d)
}

func (h *history) noAnswer() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unanswered++
}
