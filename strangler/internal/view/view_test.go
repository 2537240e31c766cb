package view

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"charm.land/lipgloss/v2"
	"github.com/stretchr/testify/require"

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
	text := plain(t, Summary(tour.Report{OK: true, Seconds: 41, MemoryMiB: 512, Steps: []*tour.Row{row("01-gateway", 0)}}))
	require.Contains(t, text, "01-gateway │ forward │      812 │      0 │          0 │     90 │    0 │     0 │ 1.2 ms │ 31 ms │ 4.2 s │ ✓")
	require.Contains(t, text, "✓ a restart signs everyone out (8 people)")
	require.Contains(t, text, "everything held in 41 s, 512 MiB at most")
}

func TestWhatDidNotHoldStandsOut(t *testing.T) {
	bad := row("02-sticky-sessions", 3)
	bad.Checks = append(bad.Checks, tour.Check{Name: "the journeys hold", Detail: "1 of 60 failed\nsearch: 500"})
	text := plain(t, Summary(tour.Report{Steps: []*tour.Row{bad}, Error: "action 2 of 5: no disk"}))
	require.Contains(t, text, "✗ the journeys hold\n      1 of 60 failed\n      search: 500")
	require.Contains(t, text, "ended early: action 2 of 5: no disk")
	require.Contains(t, text, "not everything held")
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
	require.Contains(t, text, "01-gateway forward  The facade")
	require.Contains(t, text, "users: 77 requests, 0 failed, 2 signed out")
	require.Less(t, strings.Count(text, "\n"), 20, "it fits a small terminal")

	m.Update(endMsg{*row("01-gateway", 0)})
	require.Contains(t, plain(t, m.text()), "✓ 01-gateway")
}
