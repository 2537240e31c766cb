package view

import (
	"fmt"
	"image/color"
	"slices"
	"strconv"
	"strings"

	"charm.land/lipgloss/v2"
	"charm.land/lipgloss/v2/table"
	"github.com/charmbracelet/x/ansi"

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
// what was shown and what did not hold. width is the terminal's, in cells; 0 where
// it is no terminal, and nothing has to fit.
func Summary(r tour.Report, width int) string {
	var b strings.Builder
	text, without := rows(r.Steps, width)
	b.WriteString(text)
	b.WriteString("\n" + wrap(faint.Render("Demos have people of their own, who are not counted here: what they notice is a check."), width, 0) + "\n")
	if len(without) > 0 {
		b.WriteString(wrap(faint.Render("Left out, for a narrow terminal: "+strings.Join(without, ", ")+". --json has all."), width, 0) + "\n")
	}
	b.WriteString("\n")
	for _, row := range r.Steps {
		b.WriteString(checks(row, width))
	}
	if r.Meanwhile != nil {
		b.WriteString("\n" + Meanwhile(*r.Meanwhile, width))
	}
	if r.Error != "" {
		fmt.Fprintf(&b, "\n%s %s\n", bad.Render("ended early:"), r.Error)
	}
	fmt.Fprintf(&b, "\n%s\n", verdict(r))
	return b.String()
}

// column is one of the table's.
type column struct {
	head  string
	align lipgloss.Position
	cell  func(s *tour.Row) string
}

func columns() []column {
	return []column{
		{"step", lipgloss.Left, func(s *tour.Row) string { return s.Name }},
		{"", lipgloss.Left, func(s *tour.Row) string { return string(s.Direction) }},
		{"requests", lipgloss.Right, func(s *tour.Row) string { return strconv.Itoa(s.Requests) }},
		{"failed", lipgloss.Right, func(s *tour.Row) string { return zero(s.Failed) }},
		{"signed out", lipgloss.Right, func(s *tour.Row) string { return zero(s.SignedOut) }},
		{"writes", lipgloss.Right, func(s *tour.Row) string { return strconv.Itoa(s.Acknowledged) }},
		{"lost", lipgloss.Right, func(s *tour.Row) string { return zero(s.Lost) }},
		{"twice", lipgloss.Right, func(s *tour.Row) string { return zero(s.Duplicated) }},
		{"p50", lipgloss.Right, func(s *tour.Row) string { return ms(s.P50) }},
		{"p99", lipgloss.Right, func(s *tour.Row) string { return ms(s.P99) }},
		{"time", lipgloss.Right, func(s *tour.Row) string { return fmt.Sprintf("%.1f s", s.Seconds) }},
		{"held", lipgloss.Left, func(s *tour.Row) string { return mark(s.OK()) }},
	}
}

// dispensable are the columns that a narrow terminal goes without, the first ones
// first. What users noticed is never left out.
func dispensable() []string { return []string{"time", "p50", "writes", "p99", "requests"} }

// rows is the table, and the columns that it goes without to fit the width.
func rows(steps []*tour.Row, width int) (text string, without []string) {
	show := columns()
	text = render(show, steps)
	for _, head := range dispensable() {
		if width == 0 || lipgloss.Width(text) <= width {
			break
		}
		show = slices.DeleteFunc(show, func(c column) bool { return c.head == head })
		without = append(without, head)
		text = render(show, steps)
	}
	return text, without
}

func render(show []column, steps []*tour.Row) string {
	t := table.New().Border(lipgloss.RoundedBorder()).BorderStyle(faint).
		StyleFunc(func(row, col int) lipgloss.Style {
			style := lipgloss.NewStyle().Padding(0, 1).Align(show[col].align)
			return style.Bold(row == table.HeaderRow)
		})
	var heads []string
	for _, c := range show {
		heads = append(heads, c.head)
	}
	t.Headers(heads...)
	for _, s := range steps {
		var cells []string
		for _, c := range show {
			cells = append(cells, c.cell(s))
		}
		t.Row(cells...)
	}
	return t.String()
}

func checks(row *tour.Row, width int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", bold.Render(row.Name), faint.Render(string(row.Direction)))
	for _, c := range row.Checks {
		b.WriteString(wrap(fmt.Sprintf("  %s %s%s", mark(c.OK), c.Name, detail(c)), width, 6) + "\n")
		b.WriteString(Behind(c.Behind, width))
	}
	if row.Meanwhile != nil {
		b.WriteString(Meanwhile(*row.Meanwhile, width))
	}
	return b.String()
}

// wrap breaks what is wider than the terminal between words; the lines after the
// first one stand in by hang.
func wrap(text string, width, hang int) string {
	if width <= hang || lipgloss.Width(text) <= width {
		return text
	}
	return strings.ReplaceAll(ansi.Wordwrap(text, width-hang, ""), "\n", "\n"+strings.Repeat(" ", hang))
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
	if r.Error != "" && r.Held() {
		return bad.Render("did not come to its end") + fmt.Sprintf(", what came before held (%.0f s%s)", r.Seconds, memory)
	}
	return bad.Render("not everything held") + fmt.Sprintf(" (%.0f s%s)", r.Seconds, memory)
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
