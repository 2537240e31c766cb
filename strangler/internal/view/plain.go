package view

import (
	"fmt"
	"io"
	"time"

	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/tour"
	"banyan.dev/strangler/internal/traffic"
)

// Plain tells a tour as lines, each with the seconds since the start.
type Plain struct {
	out   io.Writer
	began time.Time
}

// NewPlain writes to out.
func NewPlain(out io.Writer) *Plain { return &Plain{out: out, began: time.Now()} }

func (p *Plain) line(format string, args ...any) {
	fmt.Fprintf(p.out, "%5.1fs  %s\n", time.Since(p.began).Seconds(), fmt.Sprintf(format, args...))
}

// Phase implements tour.Watcher.
func (p *Plain) Phase(what string) { p.line("%s", what) }

// Begin implements tour.Watcher.
func (p *Plain) Begin(row *tour.Row, title string, _ func() traffic.Window) {
	p.line("%s", heading(row, title))
}

// heading names a step that is being walked to, or away from; title says what it is,
// or where back leads.
func heading(row *tour.Row, title string) string {
	if row.Direction == plan.Back {
		return row.Name + ", " + title
	}
	return fmt.Sprintf("%s, %s: %s", row.Name, row.Direction, title)
}

// Action implements tour.Watcher.
func (p *Plain) Action(what, _ string) { p.line("    %s", what) }

// Checked implements tour.Watcher.
func (p *Plain) Checked(c tour.Check) {
	held := "holds"
	if !c.OK {
		held = "DOES NOT HOLD"
	}
	if c.Detail == "" {
		p.line("    %s: %s", held, c.Name)
		return
	}
	p.line("    %s: %s (%s)", held, c.Name, c.Detail)
	for _, behind := range c.Behind {
		p.line("      behind: %s", behind)
	}
}

// End implements tour.Watcher.
func (p *Plain) End(row *tour.Row) {
	p.line("    %d requests, %d failed, %d signed out, %d writes, p50 %s, p99 %s",
		row.Requests, row.Failed, row.SignedOut, row.Acknowledged, ms(row.P50), ms(row.P99))
}

// Close implements the live view's end; lines need none.
func (p *Plain) Close() {}
