package view

import (
	"bytes"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/stretchr/testify/require"

	"banyan.dev/strangler/internal/complaints"
	"banyan.dev/strangler/internal/deployment"
	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/tour"
	"banyan.dev/strangler/internal/traffic"
)

func row(name string, failed int) *tour.Row {
	return &tour.Row{Name: name, Direction: plan.Forward, Requests: 812, Failed: failed, Acknowledged: 90, P50: 1.24, P99: 31.4, Seconds: 4.2,
		Checks: []tour.Check{{Name: "a restart signs everyone out", OK: true, Detail: "8 people"}}}
}

// plain is the text without colours.
func plain(t *testing.T, text string) string {
	t.Helper()
	var out bytes.Buffer
	_, err := lipgloss.Fprint(&out, text)
	require.NoError(t, err)
	return out.String()
}

func TestTheSummaryOfATourThatHeld(t *testing.T) {
	text := plain(t, Summary(tour.Report{OK: true, Seconds: 41, MemoryMiB: 512, Steps: []*tour.Row{row("01-gateway", 0)}}, 0))
	require.Contains(t, text, "01-gateway │ forward │      812 │      0 │          0 │     90 │    0 │     0 │ 1.2 ms │ 31 ms │ 4.2 s │ ✓")
	require.Contains(t, text, "✓ a restart signs everyone out (8 people)")
	require.Contains(t, text, "everything held in 41 s, 512 MiB at most")
}

func TestWhatDidNotHoldStandsOut(t *testing.T) {
	bad := row("02-sticky-sessions", 3)
	bad.Checks = append(bad.Checks, tour.Check{Name: "the journeys hold", Detail: "1 of 60 failed\nsearch: 500"})
	text := plain(t, Summary(tour.Report{Steps: []*tour.Row{bad}, Error: "action 2 of 5: no disk"}, 0))
	require.Contains(t, text, "✗ the journeys hold\n      1 of 60 failed\n      search: 500")
	require.Contains(t, text, "ended early: action 2 of 5: no disk")
	require.Contains(t, text, "not everything held")
}

func TestAnInterruptedTourIsNoneThatDidNotHold(t *testing.T) {
	text := plain(t, Summary(tour.Report{Steps: []*tour.Row{row("01-gateway", 0)}, Error: "interrupted"}, 0))
	require.Contains(t, text, "ended early: interrupted")
	require.Contains(t, text, "did not come to its end, what came before held")
	require.NotContains(t, text, "not everything held")
}

func TestLinesTellEverything(t *testing.T) {
	var out bytes.Buffer
	var w tour.Watcher = NewPlain(&out)
	w.Phase("building 2 programs")
	w.Begin(row("01-gateway", 0), "The facade", nil)
	w.Action("start gateway", "nobody asks it yet")
	w.Checked(tour.Check{Name: "the journeys hold", Detail: "1 failed"})
	w.End(row("01-gateway", 0))
	for _, want := range []string{"building 2 programs", "01-gateway, forward: The facade", "start gateway",
		"DOES NOT HOLD: the journeys hold (1 failed)", "812 requests, 0 failed"} {
		require.Contains(t, out.String(), want)
	}
	require.Equal(t, 5, strings.Count(out.String(), "\n"))
}

func TestThePictureFollowsTheTour(t *testing.T) {
	m := &model{began: time.Now()}
	require.NotNil(t, m.Init())
	m.Update(phaseMsg{"filling the blog"})
	require.Contains(t, plain(t, m.text()), "filling the blog")

	m.Update(beginMsg{*row("01-gateway", 0), "The facade", func() traffic.Window { return traffic.Window{Requests: 77, SignedOut: 2} }})
	m.Update(actionMsg{"start gateway", "nobody asks it yet"})
	for range 20 {
		m.Update(checkMsg{tour.Check{Name: "holds", OK: true}})
	}
	m.Update(tickMsg{})
	text := plain(t, m.text())
	require.Contains(t, text, "01-gateway, forward: The facade")
	require.Contains(t, text, "users: 77 requests, 0 failed, 2 signed out")
	require.NotContains(t, text, "nobody asks it yet", "the reason goes when its action is behind")
	require.Less(t, strings.Count(text, "\n"), 20, "it fits a small terminal")

	m.Update(endMsg{*row("01-gateway", 0)})
	require.Contains(t, plain(t, m.text()), "✓ 01-gateway")
}

// Half a number reads as another number, so whole columns go.
func TestANarrowTerminalLosesWholeColumns(t *testing.T) {
	all := plain(t, Summary(tour.Report{OK: true, Steps: []*tour.Row{row("02-sticky-sessions", 0)}}, 200))
	require.NotContains(t, all, "Left out")
	text := plain(t, Summary(tour.Report{OK: true, Steps: []*tour.Row{row("02-sticky-sessions", 0)}}, 80))
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, lipgloss.Width(strings.TrimSuffix(line, "\n")), 80, line)
	}
	for _, want := range []string{"failed", "signed out", "lost", "twice", "held", "Left out, for a narrow terminal: time, p50"} {
		require.Contains(t, text, want)
	}
}

func TestThePictureFitsTheTerminal(t *testing.T) {
	m := &model{began: time.Now()}
	m.Update(tea.WindowSizeMsg{Width: 60, Height: 20})
	for range 20 {
		m.Update(endMsg{*row("02-sticky-sessions", 0)})
	}
	m.Update(beginMsg{*row("03-redis-sessions", 0), strings.Repeat("long words ", 20), func() traffic.Window {
		return traffic.Window{Requests: 123456, Acknowledged: 123456, P99: 12 * time.Millisecond}
	}})
	for range 20 {
		m.Update(actionMsg{strings.Repeat("more words ", 20), strings.Repeat("a reason ", 20)})
	}
	text := plain(t, m.text())
	require.LessOrEqual(t, strings.Count(text, "\n"), 20)
	for line := range strings.Lines(text) {
		require.LessOrEqual(t, lipgloss.Width(strings.TrimSuffix(line, "\n")), 60, line)
	}
	require.Contains(t, text, "users: 123456 requests, 0 failed, 0 signed out\n")
	require.Contains(t, text, "✓ 02-sticky-sessions forward     812 requests  0 failed\n")
}

// Where the picture is inline, the terminal keeps lines of a taller one before it.
func TestThePictureHasAScreenOfItsOwn(t *testing.T) {
	m := &model{began: time.Now()}
	require.True(t, m.View().AltScreen)
}

func TestGoingBackSaysWhereTo(t *testing.T) {
	back := row("03-redis-sessions", 0)
	back.Direction = plan.Back
	var out bytes.Buffer
	NewPlain(&out).Begin(back, "back to 02-sticky-sessions", nil)
	require.Contains(t, out.String(), "03-redis-sessions, back to 02-sticky-sessions\n")
}

func TestWhatDidNotHoldIsExplained(t *testing.T) {
	at := time.Date(2026, 5, 4, 12, 0, 1, 0, time.Local)
	bad := row("06-comments", 0)
	bad.Checks = append(bad.Checks, tour.Check{Name: "the journeys hold", Detail: "not so within 10 s", Behind: []string{"monolith: its relay has 37 events to send"}})
	bad.Meanwhile = &deployment.Meanwhile{More: 2, Complaints: []complaints.Complaint{{Host: "monolith", Replicas: []string{"monolith-0"}, Level: "ERROR",
		Message: "events are not published; they wait", Count: 3, First: at, Last: at.Add(9 * time.Second), Example: "error: no leader"}}}
	text := plain(t, Summary(tour.Report{Steps: []*tour.Row{row("05-comments-dark", 0), bad}}, 0))
	require.Contains(t, text, `✗ the journeys hold
      not so within 10 s
      behind at that moment:
        monolith: its relay has 37 events to send
  what the hosts complained of meanwhile:
    ERROR monolith-0: events are not published; they wait (error: no leader), 3 times, 12:00:01.000 to 12:00:10.000
    and 2 other things, less bad
`)
	require.Equal(t, 1, strings.Count(text, "meanwhile"), "a step that held needs no explanation")
	for line := range strings.Lines(plain(t, Summary(tour.Report{Steps: []*tour.Row{bad}}, 80))) {
		require.LessOrEqual(t, lipgloss.Width(strings.TrimSuffix(line, "\n")), 80, line)
	}

	var out bytes.Buffer
	NewPlain(&out).Checked(bad.Checks[1])
	require.Contains(t, out.String(), "behind: monolith: its relay has 37 events to send")
}

func TestHostsThatSaidNothingAreSaidToHave(t *testing.T) {
	require.Equal(t, "  what the hosts complained of meanwhile: nothing\n", Meanwhile(deployment.Meanwhile{}, 0))
	require.Contains(t, Meanwhile(deployment.Meanwhile{Error: "no engine\nanswers"}, 0), "not every log could be read: no engine; answers")
}
