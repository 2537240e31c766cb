package diff

import (
	"math"
	"math/big"
	"strconv"
	"strings"
)

// decimal is a number by its value: 0.digits times ten to the exponent. Zero has no
// digits and no sign. Two numbers are equal when their decimals are.
type decimal struct {
	negative bool
	digits   string // without zeros at either end
	exponent int64
	odd      string // the spelling of a number whose exponent is beyond all use
}

// decimalOf takes a JSON number apart. No float is involved: 9007199254740993 stays
// what it is.
func decimalOf(spelling string) decimal {
	rest, negative := strings.CutPrefix(spelling, "-")
	mantissa, exponent := rest, int64(0)
	if i := strings.IndexAny(rest, "eE"); i >= 0 {
		mantissa = rest[:i]
		if strings.Trim(mantissa, "0.") == "" {
			return decimal{}
		}
		n, err := strconv.ParseInt(rest[i+1:], 10, 32)
		if err != nil {
			return decimal{odd: spelling}
		}
		exponent = n
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	whole = strings.TrimLeft(whole, "0")
	exponent += int64(len(whole))
	digits := whole + fraction
	if whole == "" {
		trimmed := strings.TrimLeft(digits, "0")
		exponent -= int64(len(digits) - len(trimmed))
		digits = trimmed
	}
	digits = strings.TrimRight(digits, "0")
	if digits == "" {
		return decimal{}
	}
	return decimal{negative: negative, digits: digits, exponent: exponent}
}

// exact bounds what is done in exact arithmetic: a number of a few characters may
// have a billion digits.
const exact = 1000

// isWithin tells whether two numbers differ by no more than the tolerance. Only what
// is close to it needs exact arithmetic.
func isWithin(a, b string, tolerance *big.Rat) bool {
	if within, sure := isRoughlyWithin(a, b, tolerance); sure {
		return within
	}
	x, ok := ratOf(a)
	if !ok {
		return false
	}
	y, ok := ratOf(b)
	if !ok {
		return false
	}
	d := x.Sub(x, y)
	return d.Abs(d).Cmp(tolerance) <= 0
}

// isRoughlyWithin is sure where floats are: their errors, of reading and of
// subtracting, are far below the margin.
func isRoughlyWithin(a, b string, tolerance *big.Rat) (within, sure bool) {
	x, errX := strconv.ParseFloat(a, 64)
	y, errY := strconv.ParseFloat(b, 64)
	t, _ := tolerance.Float64()
	margin := (math.Abs(x) + math.Abs(y) + t) * 1e-14
	if errX != nil || errY != nil || math.IsInf(margin, 0) || margin < 1e-290 {
		return false, false
	}
	apart := math.Abs(x - y)
	return apart < t, math.Abs(apart-t) > margin
}

func ratOf(spelling string) (*big.Rat, bool) {
	d := decimalOf(spelling)
	if d.odd != "" || len(d.digits) > exact || d.exponent > exact || d.exponent < -exact {
		return nil, false
	}
	return new(big.Rat).SetString(spelling)
}
