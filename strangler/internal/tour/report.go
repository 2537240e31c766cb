package tour

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/traffic"
)

// Report is the outcome of a tour, as --json prints it.
type Report struct {
	OK      bool    `json:"ok"`
	Seconds float64 `json:"seconds"`
	Steps   []*Row  `json:"steps"`
	// Error is what ended the tour before its end; empty when it went through.
	Error string `json:"error,omitempty"`
	// MemoryMiB is the most that all processes together used, 0 where it can't be
	// measured.
	MemoryMiB int `json:"memory_mib,omitempty"`
	// Meanwhile is what processes complained of from the start, if the tour ended by an
	// error that is no step's.
	Meanwhile *deployment.Meanwhile `json:"meanwhile,omitempty"`
	// Logs is where the processes' logs are, if something did not hold: then they are all
	// that is left of the run. RemoveLogs is a command that removes them.
	Logs       string `json:"logs,omitempty"`
	RemoveLogs string `json:"remove_logs,omitempty"`
}

// Row is one step, reached forward or back, under traffic.
type Row struct {
	Name         string         `json:"name"`
	Direction    plan.Direction `json:"direction"`
	Requests     int            `json:"requests"`
	Failed       int            `json:"failed"`
	SignedOut    int            `json:"signed_out"` // unexpected ones only
	Acknowledged int            `json:"acknowledged"`
	Lost         int            `json:"lost"`
	Duplicated   int            `json:"duplicated"`
	P50          float64        `json:"p50_ms"`
	P99          float64        `json:"p99_ms"`
	Seconds      float64        `json:"seconds"`
	Checks       []Check        `json:"checks"`
	// Meanwhile is what processes complained of since the step began, if not everything
	// held.
	Meanwhile *deployment.Meanwhile `json:"meanwhile,omitempty"`

	window       string // its name in the ledger
	ended        bool   // it was measured
	begun, until time.Time
}

// Check is one thing that had to hold.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	// Behind are the relays and consumer groups that were behind when it did not hold,
	// in words, as the hosts said it at that moment.
	Behind []string `json:"behind,omitempty"`
}

// OK tells whether everything held.
func (r *Row) OK() bool {
	for _, c := range r.Checks {
		if !c.OK {
			return false
		}
	}
	return r.Failed == 0 && r.SignedOut == 0 && r.Lost == 0 && r.Duplicated == 0
}

// measured takes in what the users noticed; signOuts tells of the unexpected ones, and
// behind of events at that moment.
func (r *Row) measured(w traffic.Window, signOuts, behind []string) {
	r.Requests, r.Failed, r.SignedOut, r.Acknowledged = w.Requests, w.Failed, w.SignedOut, w.Acknowledged
	r.P50, r.P99 = float64(w.P50.Microseconds())/1000, float64(w.P99.Microseconds())/1000
	r.Seconds = w.Seconds
	r.ended = true
	if w.Failed > 0 {
		r.check("every request settled", false, fmt.Sprintf("%d did not: %s", w.Failed, strings.Join(first(w.Failures, 3), "; ")), behind...)
	}
	if w.SignedOut > 0 {
		r.check("nobody was signed out", false, fmt.Sprintf("%d people were: %s", w.SignedOut, strings.Join(signOuts, "; ")), behind...)
	}
}

func (r *Row) check(name string, ok bool, detail string, behind ...string) {
	r.Checks = append(r.Checks, Check{Name: name, OK: ok, Detail: detail, Behind: behind})
}

func first(all []string, n int) []string { return all[:min(n, len(all))] }

// dropUnfinished leaves out the step that an end came in the midst of: nothing can
// be said of it, and its row would read as a step without requests that held. A
// check of it that failed stays, for it is why.
func (r *Report) dropUnfinished() {
	r.Steps = slices.DeleteFunc(r.Steps, func(row *Row) bool { return !row.ended && row.OK() })
}

func (r *Report) conclude() { r.OK = r.Error == "" && len(r.Steps) > 0 && r.Held() }

// Held tells whether everything held in the steps that were walked; a tour that
// ended early may have.
func (r *Report) Held() bool {
	return !slices.ContainsFunc(r.Steps, func(row *Row) bool { return !row.OK() })
}
