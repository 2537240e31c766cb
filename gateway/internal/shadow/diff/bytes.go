package diff

import (
	"bytes"
	"fmt"
	"strings"
	"unicode/utf8"
)

// around is how many lines of each side are told of where two texts differ.
const around = 5

// compareBytes tells where two bodies differ that are not compared as JSON.
func compareBytes(baseline, shadow []byte) Difference {
	d := Difference{Part: Body, Kind: Changed}
	switch {
	case len(shadow) == 0:
		d.Kind, d.Baseline = Missing, describe(baseline)
	case len(baseline) == 0:
		d.Kind, d.Shadow = Extra, describe(shadow)
	case isText(baseline) && isText(shadow):
		d.Baseline, d.Shadow = differingLines(string(baseline), string(shadow))
	default:
		d.Baseline, d.Shadow = describe(baseline), describe(shadow)
		at := firstDifference(baseline, shadow)
		d.Baseline += fmt.Sprintf(", other from byte %d on", at)
		d.Shadow += fmt.Sprintf(", other from byte %d on", at)
	}
	return d
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

func isText(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }

// describe tells of a body what it is, with its beginning if that is a text.
func describe(b []byte) string {
	if len(b) == 0 {
		return "no body"
	}
	if isText(b) {
		return Shorten(string(b), shown)
	}
	return fmt.Sprintf("%d bytes, no text", len(b))
}

// differingLines are the lines between those that two texts share at their
// beginning and at their end, with the number of the first.
func differingLines(a, b string) (inA, inB string) {
	linesA, linesB := strings.SplitAfter(a, "\n"), strings.SplitAfter(b, "\n")
	from := 0
	for from < min(len(linesA), len(linesB)) && linesA[from] == linesB[from] {
		from++
	}
	toA, toB := len(linesA), len(linesB)
	for toA > from && toB > from && linesA[toA-1] == linesB[toB-1] {
		toA--
		toB--
	}
	if toA > from && toB > from {
		linesA[from], linesB[from] = fromDifference(linesA[from], linesB[from])
	}
	return showLines(linesA[from:toA], from), showLines(linesB[from:toB], from)
}

// before is how much of what two lines share is told before they differ.
const before = 40

// fromDifference cuts two long lines where they begin to differ, or shortly before:
// some pages have no line ends at all.
func fromDifference(a, b string) (string, string) {
	at := firstDifference([]byte(a), []byte(b)) - before
	if at < before {
		return a, b
	}
	for !utf8.RuneStart(a[at]) {
		at--
	}
	return "…" + a[at:], "…" + b[at:]
}

func showLines(lines []string, from int) string {
	if len(lines) == 0 {
		return fmt.Sprintf("line %d: not there", from+1)
	}
	some := lines[:min(len(lines), around)]
	text := strings.TrimSuffix(strings.Join(some, ""), "\n")
	out := fmt.Sprintf("line %d: %s", from+1, Shorten(text, 4*shown))
	if len(lines) > around {
		out += fmt.Sprintf("\n(%d more lines)", len(lines)-around)
	}
	return out
}
