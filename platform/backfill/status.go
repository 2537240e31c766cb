package backfill

import "time"

// The states of a run.
const (
	None     = "none"     // there was no run
	Running  = "running"  // a Runner works on it, or will
	Paused   = "paused"   // until somebody starts it again
	Done     = "done"     // all pages are in the outbox
	Replaced = "replaced" // a newer run was started before this one was done
)

// Status is how far the newest run of a resource has come.
type Status struct {
	Resource string `json:"resource"`
	State    string `json:"state"`
	Run      string `json:"run,omitempty"`
	// Rate is how many rows a second are aimed at; 0 is as fast as it goes.
	Rate int `json:"rate"`
	// Rows and Pages are those that are in the outbox.
	Rows  int64 `json:"rows"`
	Pages int64 `json:"pages"`
	// RowsPerSecond is the rows over the time that was worked, pauses of pacing
	// included.
	RowsPerSecond float64 `json:"rows_per_second"`
	// Place is the last id that was covered.
	Place string `json:"place,omitempty"`
	// Worker is the replica that works on it.
	Worker string `json:"worker,omitempty"`
	// Error is why it does not get on at this moment. It is tried again.
	Error string `json:"error,omitempty"`

	StartedAt  *time.Time `json:"started_at,omitempty"`
	UpdatedAt  *time.Time `json:"updated_at,omitempty"`
	FinishedAt *time.Time `json:"finished_at,omitempty"`
}

// Order asks for a run.
type Order struct {
	// Run is the run's id, a UUIDv7 that the caller mints: who asks again for the same
	// one, after a crash, gets that one, where it stands. One that is newer than all
	// there were begins a new run, in place of one under way. Empty: go on with the
	// newest run, or begin the first one.
	Run string `json:"run,omitempty"`
	// Rate is how many rows a second to aim at; 0 is as fast as it goes.
	Rate int `json:"rate,omitempty"`
}
