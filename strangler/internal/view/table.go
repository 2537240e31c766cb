package view

import (
	"fmt"
	"image/color"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"

	"banyan.dev/strangler/internal/plan"
	"banyan.dev/strangler/internal/tour"
)

var (
	good  = lipgloss.NewStyle().Foreground(color16(2))
	bad   = lipgloss.NewStyle().Foreground(color16(1)).Bold(true)
	faint = lipgloss.NewStyle().Faint(true)
	bold  = lipgloss.NewStyle().Bold(true)
)

// color16 is one of the terminal's own colours, which its user has chosen.
func color16(n int) color.Color { return lipgloss.ANSIColor(n) }

// Summary is the end of a tour for a person: one line for each step, and below it
// what was shown and what did not hold.
func Summary(r tour.Report) string {
	var b strings.Builder
	b.WriteString(rows(r.Steps))
	b.WriteString("\n\n")
	for _, row := range r.Steps {
		b.WriteString(checks(row))
	}
	if r.Error != "" {
		fmt.Fprintf(&b, "\n%s %s\n", bad.Render("ended early:"), r.Error)
	}
	fmt.Fprintf(&b, "\n%s\n", verdict(r))
	return b.String()
}

func rows(steps []*tour.Row) string {
	t := table.New().Border(lipgloss.RoundedBorder()).BorderStyle(faint).
		Headers("step", "", "requests", "failed", "signed out", "writes", "lost", "twice", "p50", "p99", "time", "held").
		StyleFunc(func(row, col int) lipgloss.Style {
			style := lipgloss.NewStyle().Padding(0, 1)
			if col > 1 && col < 11 {
				style = style.Align(lipgloss.Right)
			}
			if row == table.HeaderRow {
				return style.Bold(true)
			}
			return style
		})
	for _, s := range steps {
		t.Row(s.Name, arrow(s.Direction), strconv.Itoa(s.Requests), zero(s.Failed), zero(s.SignedOut), strconv.Itoa(s.Acknowledged),
			zero(s.Lost), zero(s.Duplicated), ms(s.P50), ms(s.P99), fmt.Sprintf("%.1f s", s.Seconds), mark(s.OK()))
	}
	return t.String()
}

func checks(row *tour.Row) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", bold.Render(row.Name), faint.Render(string(row.Direction)))
	for _, c := range row.Checks {
		fmt.Fprintf(&b, "  %s %s%s\n", mark(c.OK), c.Name, detail(c))
	}
	return b.String()
}

func detail(c tour.Check) string {
	if c.Detail == "" {
		return ""
	}
	if c.OK {
		return faint.Render(" (" + c.Detail + ")")
	}
	return "\n      " + strings.ReplaceAll(c.Detail, "\n", "\n      ")
}

func verdict(r tour.Report) string {
	memory := ""
	if r.MemoryMiB > 0 {
		memory = fmt.Sprintf(", %d MiB at most", r.MemoryMiB)
	}
	if r.OK {
		return good.Bold(true).Render("everything held") + fmt.Sprintf(" in %.0f s%s", r.Seconds, memory)
	}
	return bad.Render("not everything held") + fmt.Sprintf(" (%.0f s%s)", r.Seconds, memory)
}

func arrow(d plan.Direction) string {
	if d == plan.Back {
		return "back"
	}
	return "forward"
}

func zero(n int) string {
	if n == 0 {
		return "0"
	}
	return bad.Render(strconv.Itoa(n))
}

func ms(v float64) string {
	if v < 10 {
		return fmt.Sprintf("%.1f ms", v)
	}
	return fmt.Sprintf("%.0f ms", v)
}

func mark(ok bool) string {
	if ok {
		return good.Render("✓")
	}
	return bad.Render("✗")
}
