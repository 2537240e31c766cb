package view

import (
	"context"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"banyan.dev/strangler/internal/tour"
	"banyan.dev/strangler/internal/traffic"
)

// Live shows a tour in a terminal: what is being done, who notices, and the steps
// behind it, redrawn in place. It draws on the terminal's alternate screen: a picture
// that shrinks leaves nothing of the one before it there, and what the terminal
// showed before comes back at the end.
type Live struct {
	program *tea.Program
	done    chan struct{}
}

// NewLive takes over the terminal that out is, until Close. Keys stay
// with the terminal, so Ctrl-C reaches this process as a signal.
func NewLive(ctx context.Context, out io.Writer) *Live {
	l := &Live{done: make(chan struct{})}
	l.program = tea.NewProgram(&model{began: time.Now()},
		tea.WithContext(ctx), tea.WithOutput(out), tea.WithInput(nil), tea.WithoutSignalHandler())
	go func() {
		defer close(l.done)
		_, _ = l.program.Run() // it ends by Close, or with the context
	}()
	return l
}

// Close gives the terminal back; the picture goes, the summary is for the caller to print.
func (l *Live) Close() {
	l.program.Quit()
	<-l.done
}

type (
	phaseMsg struct{ what string }
	beginMsg struct {
		row   tour.Row
		title string
		users func() traffic.Window
	}
	actionMsg struct{ what, because string }
	checkMsg  struct{ check tour.Check }
	endMsg    struct{ row tour.Row }
	tickMsg   time.Time
)

// Phase implements tour.Watcher.
func (l *Live) Phase(what string) { l.program.Send(phaseMsg{what}) }

// Begin implements tour.Watcher.
func (l *Live) Begin(row *tour.Row, title string, users func() traffic.Window) {
	l.program.Send(beginMsg{*row, title, users})
}

// Action implements tour.Watcher.
func (l *Live) Action(what, because string) { l.program.Send(actionMsg{what, because}) }

// Checked implements tour.Watcher.
func (l *Live) Checked(c tour.Check) { l.program.Send(checkMsg{c}) }

// End implements tour.Watcher.
func (l *Live) End(row *tour.Row) { l.program.Send(endMsg{*row}) }
