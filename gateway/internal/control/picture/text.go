package picture

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// Rate writes a number of requests per second: 0/s, 0.4/s, 12/s, 3.4k/s.
func Rate(perSecond float64) string { return Figure(perSecond) + "/s" }

// Figure writes a number as short as it can be told from its neighbours.
func Figure(v float64) string {
	switch {
	case v <= 0 || math.IsNaN(v):
		return "0"
	case v < 0.1:
		return "<0.1"
	case v < 9.95:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case v < 9999.5:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v < 999500:
		return strconv.FormatFloat(v/1000, 'f', 1, 64) + "k"
	}
	return strconv.FormatFloat(v/1e6, 'f', 1, 64) + "M"
}

// Percent writes a share: 5 %, 2.5 %, 0.01 %.
func Percent(v float64) string {
	return strconv.FormatFloat(math.Round(v*100)/100, 'f', -1, 64) + "\u00a0%" // no break between them
}

// fit shortens a text to a width in pixels. The picture is laid out where no font
// is, so it takes the letters of a wide one.
func fit(text string, width int) string {
	const tenths = 75 // of a pixel, for a letter
	room := max(width*10/tenths, 1)
	if utf8.RuneCountInString(text) <= room {
		return text
	}
	runes := []rune(text)
	return string(runes[:room-1]) + "…"
}

// strength is the width of a line: it grows with the order of magnitude.
func strength(rate float64) float64 {
	if rate <= 0 {
		return 1.5
	}
	return math.Round(10*math.Min(1.5+2*math.Log10(1+rate), 9)) / 10
}

func flow(rate float64) int {
	switch {
	case rate <= 0:
		return 0
	case rate < 5:
		return 1
	case rate < 100:
		return 2
	}
	return 3
}
