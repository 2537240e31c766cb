package view

import (
	"fmt"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"banyan.dev/strangler/internal/tour"
	"banyan.dev/strangler/internal/traffic"
)

// model is what is on the screen.
type model struct {
	width, height int // of the terminal; 0 until it has said
	began         time.Time
	frame         int
	phase         string
	behind        []tour.Row
	heading       string
	recent        []string // the last lines of the step at hand
	because       string   // of the last of them, if it is an action
	users         func() traffic.Window
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
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
	case tickMsg:
		m.frame++
		return m, tick()
	case phaseMsg:
		m.phase, m.users = msg.what, nil
	case beginMsg:
		m.phase, m.heading, m.users = "", heading(&msg.row, msg.title), msg.users
		m.recent, m.because = nil, ""
	case actionMsg:
		m.note(faint.Render("· ") + msg.what)
		m.because = msg.because
	case checkMsg:
		m.note(mark(msg.check.OK) + " " + msg.check.Name)
		m.because = ""
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
func (m *model) View() tea.View {
	view := tea.NewView(m.text())
	view.AltScreen = true
	return view
}

func (m *model) text() string {
	now := m.now()
	lines := []string{bold.Render("banyan tour") + faint.Render(fmt.Sprintf("  %.0f s", time.Since(m.began).Seconds())), ""}
	for _, row := range m.lately(m.height - len(lines) - len(now)) {
		lines = append(lines, m.fit("  ", fmt.Sprintf(" %s %-18s %-7s", mark(row.OK()), row.Name, row.Direction),
			fmt.Sprintf("%6d requests", row.Requests), zero(row.Failed)+" failed", zero(row.SignedOut)+" signed out", "p99 "+ms(row.P99)))
	}
	return strings.Join(append(lines, now...), "\n") + "\n"
}

// lately are the steps behind that there is room for, the last ones.
func (m *model) lately(room int) []tour.Row {
	if m.height == 0 {
		return m.behind
	}
	return m.behind[max(0, len(m.behind)-max(0, room)):]
}

// now is what is being done.
func (m *model) now() []string {
	spin := spinner[m.frame%len(spinner)]
	if m.phase != "" {
		return []string{m.cut(" " + spin + " " + m.phase)}
	}
	lines := []string{m.cut(" " + spin + " " + bold.Render(m.heading))}
	for _, line := range m.recent {
		lines = append(lines, m.cut("     "+line))
	}
	if m.because != "" {
		lines = append(lines, m.cut("       "+faint.Render(m.because)))
	}
	if m.users != nil {
		w := m.users()
		lines = append(lines, "", m.fit(", ", fmt.Sprintf("   users: %d requests", w.Requests), zero(w.Failed)+" failed", zero(w.SignedOut)+" signed out",
			fmt.Sprintf("%d writes", w.Acknowledged), "p99 "+ms(float64(w.P99.Microseconds())/1000), "p50 "+ms(float64(w.P50.Microseconds())/1000)))
	}
	return lines
}

// fit joins the parts, the first ones being worth most, and leaves out whole ones at
// the end that the terminal has no room for: half a number reads as another number.
func (m *model) fit(between string, parts ...string) string {
	line := parts[0]
	for _, part := range parts[1:] {
		if m.width > 0 && lipgloss.Width(line+between+part) > m.width {
			break
		}
		line += between + part
	}
	return line
}

// cut shortens words, and shows that it did.
func (m *model) cut(line string) string {
	if m.width == 0 {
		return line
	}
	return ansi.Truncate(line, m.width, "…")
}
