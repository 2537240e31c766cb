package view

import (
	"fmt"
	"strings"

	"banyan.dev/strangler/internal/deployment"
)

// Meanwhile is what processes complained of while something did not hold, one complaint
// a line. width is as in Summary.
func Meanwhile(m deployment.Meanwhile, width int) string {
	var b strings.Builder
	b.WriteString("  what the hosts complained of meanwhile:")
	if len(m.Complaints) == 0 {
		b.WriteString(" nothing")
	}
	b.WriteString("\n")
	for _, c := range m.Complaints {
		b.WriteString(wrap("    "+c.String(), width, 6) + "\n")
	}
	if m.More > 0 {
		fmt.Fprintf(&b, "    and %d other things, less bad\n", m.More)
	}
	if m.Error != "" {
		b.WriteString(wrap("    not every log could be read: "+strings.ReplaceAll(m.Error, "\n", "; "), width, 6) + "\n")
	}
	return b.String()
}

// Behind are the relays and consumers that were behind when a check did not hold, one a
// line; nothing if none were.
func Behind(lines []string, width int) string {
	if len(lines) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("      behind at that moment:\n")
	for _, line := range lines {
		b.WriteString(wrap("        "+line, width, 10) + "\n")
	}
	return b.String()
}
