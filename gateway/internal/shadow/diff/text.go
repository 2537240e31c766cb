package diff

import "strings"

// Text shows differences as a unified diff does: what the baseline has after a -,
// what the shadow has after a +, and before them, after @@, where.
func Text(differences []Difference, more bool) string {
	var out strings.Builder
	for _, d := range differences {
		out.WriteString("@@ ")
		out.WriteString(where(d))
		out.WriteString(" @@\n")
		if d.Baseline != "" {
			prefix(&out, "- ", d.Baseline)
		}
		if d.Shadow != "" {
			prefix(&out, "+ ", d.Shadow)
		}
	}
	if more {
		out.WriteString("@@ and more @@\n")
	}
	return out.String()
}

func where(d Difference) string {
	at := string(d.Part)
	if d.Path != "" {
		// A name may hold line ends, which would look like lines of the diff.
		at += " " + strings.ReplaceAll(d.Path, "\n", "␊")
	}
	return at + " " + string(d.Kind)
}

func prefix(out *strings.Builder, mark, value string) {
	for line := range strings.SplitSeq(value, "\n") {
		out.WriteString(mark)
		out.WriteString(line)
		out.WriteByte('\n')
	}
}

// Excerpt is the beginning of a body for people: JSON in one line with secrets
// masked, another text as it is, and of anything else only its length. cut tells
// that there is more.
func Excerpt(body []byte, limit int) (text string, cut bool) {
	if len(body) == 0 {
		return "", false
	}
	if v, err := parse(body); err == nil {
		w := writer{limit: limit}
		w.value(v)
		return w.String(), w.full()
	}
	if !isText(body) {
		return describe(body), true
	}
	return Shorten(string(body), limit), len(body) > limit
}
