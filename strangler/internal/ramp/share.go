package ramp

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Share of a route's clients, in hundredths of a percent: 0 is nobody, Everybody
// all. It is what the gateway counts in.
type Share int

// Everybody is the whole.
const Everybody Share = 10000

// ParseShare reads percent, as in 2.5; steps are hundredths.
func ParseShare(text string) (Share, error) {
	percent, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	hundredths := math.Round(percent * 100)
	if err != nil || percent < 0 || percent > 100 || math.Abs(percent*100-hundredths) > 1e-6 {
		return 0, fmt.Errorf("%q is no share: write a number from 0 to 100 in steps of 0.01, as in 2.5, without a %% sign", text)
	}
	return Share(hundredths), nil
}

// ParseShares reads shares with commas between them, each above the one before.
func ParseShares(text string) ([]Share, error) {
	var all []Share
	for _, part := range strings.Split(text, ",") {
		s, err := ParseShare(part)
		if err != nil {
			return nil, err
		}
		if len(all) > 0 && s <= all[len(all)-1] {
			return nil, fmt.Errorf("%q: %s does not lie above the share before it: write rising shares, as in 1,5,25,50,100", text, s)
		}
		all = append(all, s)
	}
	return all, nil
}

// Percent is the share as the gateway's file has it: without digits that say nothing.
func (s Share) Percent() string { return strconv.FormatFloat(float64(s)/100, 'f', -1, 64) }

// String is for people.
func (s Share) String() string { return s.Percent() + " %" }

// MarshalJSON writes percent, as a number.
func (s Share) MarshalJSON() ([]byte, error) { return []byte(s.Percent()), nil }

// UnmarshalJSON reads percent.
func (s *Share) UnmarshalJSON(text []byte) error {
	parsed, err := ParseShare(string(text))
	*s = parsed
	return err
}
