package view

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"banyan.dev/strangler/internal/tour"
	"banyan.dev/strangler/internal/traffic"
)

// Live shows a tour in a terminal: what is being done, who notices, and the steps
// behind it, redrawn in place.
type Live struct {
	program *tea.Program
	done    chan struct{}
}

// NewLive takes over the lines of the terminal that out is, until Close. Keys stay
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

// Close redraws for the last time and gives the terminal back.
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

// model is what is on the screen.
type model struct {
	began   time.Time
	frame   int
	phase   string
	behind  []tour.Row
	at      string
	title   string
	recent  []string // the last lines of the step at hand
	because string
	users   func() traffic.Window
}

// keepLines bounds the height: the picture must fit a small terminal.
const keepLines = 7

// Init implements tea.Model.
func (m *model) Init() tea.Cmd { return tick() }

func tick() tea.Cmd {
	return tea.Tick(100*time.Millisecond, func(t time.Time) tea.Msg { return tickMsg(t) })
}

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tickMsg:
		m.frame++
		return m, tick()
	case phaseMsg:
		m.phase, m.users = msg.what, nil
	case beginMsg:
		m.phase, m.at, m.title, m.users = "", msg.row.Name+" "+string(msg.row.Direction), msg.title, msg.users
		m.recent, m.because = nil, ""
	case actionMsg:
		m.note(faint.Render("· ") + msg.what)
		m.because = msg.because
	case checkMsg:
		m.note(mark(msg.check.OK) + " " + msg.check.Name)
	case endMsg:
		m.behind = append(m.behind, msg.row)
		m.recent, m.because = nil, ""
	}
	return m, nil
}

func (m *model) note(line string) {
	m.recent = append(m.recent, line)
	if len(m.recent) > keepLines {
		m.recent = m.recent[1:]
	}
}

var spinner = []string{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"}

// View implements tea.Model.
func (m *model) View() tea.View { return tea.NewView(m.text()) }

func (m *model) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s\n\n", bold.Render("banyan tour"), faint.Render(fmt.Sprintf("%.0f s", time.Since(m.began).Seconds())))
	for _, row := range m.behind {
		fmt.Fprintf(&b, " %s %-20s %-8s %6d requests  %s failed  %s signed out  p99 %s\n",
			mark(row.OK()), row.Name, row.Direction, row.Requests, zero(row.Failed), zero(row.SignedOut), ms(row.P99))
	}
	spin := spinner[m.frame%len(spinner)]
	if m.phase != "" {
		fmt.Fprintf(&b, " %s %s\n", spin, m.phase)
		return b.String()
	}
	fmt.Fprintf(&b, " %s %s  %s\n", spin, bold.Render(m.at), m.title)
	for _, line := range m.recent {
		fmt.Fprintf(&b, "     %s\n", line)
	}
	if m.because != "" {
		fmt.Fprintf(&b, "       %s\n", faint.Render(m.because))
	}
	if m.users != nil {
		w := m.users()
		fmt.Fprintf(&b, "\n   users: %d requests, %s failed, %s signed out, %d writes acknowledged, p50 %s, p99 %s\n",
			w.Requests, zero(w.Failed), zero(w.SignedOut), w.Acknowledged, ms(float64(w.P50.Microseconds())/1000), ms(float64(w.P99.Microseconds())/1000))
	}
	return b.String()
}
