package ramp

import (
	"fmt"
	"math"
	"time"
)

// Limits say when a canary is worse than the baseline. A share of requests is from
// 0 to 1.
type Limits struct {
	// MinRequests is how many requests the canary must have answered at a share
	// before that share is good. It may be found worse by fewer.
	MinRequests uint64
	// FalseAlarms is how often a ramp of a canary that is just as good as the
	// baseline may be stopped by chance, over all its shares and looks.
	FalseAlarms float64
	// MoreErrors is the share of requests by which the canary may answer more with
	// 5xx than the baseline, however sure that is.
	MoreErrors float64
	// MaxErrors is the share of 5xx that stops a ramp also when the baseline has as
	// many: a canary may break what both use.
	MaxErrors float64
	// P50Ratio and P99Ratio are how many times the baseline's the canary's
	// percentiles may be.
	P50Ratio, P99Ratio float64
	// Floor is what a percentile may be longer by whatever its ratio: twice nothing
	// is still nothing.
	Floor time.Duration
	// MaxMismatch is the share of compared answers that may differ in the shadow.
	// At 0 the first one stops the ramp.
	MaxMismatch float64
}

// Defaults are limits that suit a web application.
func Defaults() Limits {
	return Limits{
		MinRequests: 100, FalseAlarms: 0.01, MoreErrors: 0.001, MaxErrors: 0.05,
		P50Ratio: 1.5, P99Ratio: 1.5, Floor: 10 * time.Millisecond,
	}
}

// Check says which limit makes no sense.
func (l Limits) Check() error {
	switch {
	case l.FalseAlarms <= 0 || l.FalseAlarms > 0.5:
		return fmt.Errorf("false alarms are %s of ramps: give more than 0 %%, up to 50 %%", percent(l.FalseAlarms))
	case l.MoreErrors < 0 || l.MoreErrors > 1:
		return fmt.Errorf("more errors is %s of requests: give 0 %% to 100 %%", percent(l.MoreErrors))
	case l.MaxErrors <= 0 || l.MaxErrors > 1:
		return fmt.Errorf("max errors is %s of requests: give more than 0 %%, up to 100 %%, which is no limit", percent(l.MaxErrors))
	case l.MaxMismatch < 0 || l.MaxMismatch > 1:
		return fmt.Errorf("max mismatch is %s of answers: give 0 %% to 100 %%", percent(l.MaxMismatch))
	case l.P50Ratio < 1 || l.P99Ratio < 1:
		return fmt.Errorf("a latency ratio is %g: give 1 or more", min(l.P50Ratio, l.P99Ratio))
	case l.Floor < 0:
		return fmt.Errorf("the latency floor is %s: give 0s or more", l.Floor)
	default:
		return nil
	}
}

// Look is which of how many looks a judgement is.
type Look struct {
	Number int // at this share, from 1; only looks at new answers count
	Shares int // that the ramp has
}

// Finding is one figure of both sides. P is how probable the difference, or a
// greater one, is between equals; 0 where nothing is left to chance.
type Finding struct {
	Figure   string  `json:"figure"`
	Canary   float64 `json:"canary"`
	Baseline float64 `json:"baseline"`
	Limit    float64 `json:"limit"`
	P        float64 `json:"p"`
	Worse    bool    `json:"worse"`
	Text     string  `json:"text"`
}

// Verdict is what a window says. When it is neither Worse nor Enough, look again.
type Verdict struct {
	Worse    bool      `json:"worse"`
	Enough   bool      `json:"enough"` // the canary has answered enough to be called good
	Findings []Finding `json:"findings"`
}

// Why are the findings that make it worse, in words.
func (v Verdict) Why() []string {
	var why []string
	for _, f := range v.Findings {
		if f.Worse {
			why = append(why, f.Text)
		}
	}
	return why
}

// figures is how many tests one look makes that chance can fail.
const figures = 5

// alpha is what one test of a look may give to chance. Who looks ten times finds
// something by chance ten times as often, so look k gets 1/k(k+1) of what a share
// has: the sum of these is 1, however often one looks. (Alpha spending with a bound
// by Bonferroni; see also Johari et al., "Peeking at A/B Tests", KDD 2017.)
func (l Limits) alpha(look Look) float64 {
	k := float64(max(1, look.Number))
	return l.FalseAlarms / float64(max(1, look.Shares)) / figures / (k * (k + 1))
}

// Judge compares what both sides did in the same window. It takes requests as
// independent of each other; where one client's fail together it errs toward
// stopping.
func (l Limits) Judge(look Look, bounds []float64, baseline, canary Side, shadow Shadow) Verdict {
	alpha := l.alpha(look)
	v := Verdict{Enough: canary.Requests >= l.MinRequests}
	v.add(l.errors(baseline, canary, alpha))
	v.add(l.tooManyErrors(canary, alpha))
	v.add(l.latency("p50", 0.50, l.P50Ratio, bounds, baseline, canary, alpha))
	v.add(l.latency("p99", 0.99, l.P99Ratio, bounds, baseline, canary, alpha))
	v.add(l.mismatches(shadow, alpha))
	return v
}

func (v *Verdict) add(f Finding) {
	v.Findings = append(v.Findings, f)
	v.Worse = v.Worse || f.Worse
}

func (l Limits) errors(baseline, canary Side, alpha float64) Finding {
	f := Finding{
		Figure: "errors", Canary: share(canary.Errors, canary.Requests), Baseline: share(baseline.Errors, baseline.Requests),
		P: atRandom(canary.Errors, canary.Requests, baseline.Errors, baseline.Requests),
	}
	f.Limit = f.Baseline + l.MoreErrors
	f.Worse = f.P < alpha && f.Canary > f.Limit
	f.Text = fmt.Sprintf("the canary fails %s of %d requests, the baseline %s of %d; by chance once in %s",
		percent(f.Canary), canary.Requests, percent(f.Baseline), baseline.Requests, onceIn(f.P))
	return f
}

func (l Limits) tooManyErrors(canary Side, alpha float64) Finding {
	f := Finding{
		Figure: "errors at all", Canary: share(canary.Errors, canary.Requests), Limit: l.MaxErrors,
		P: moreThan(l.MaxErrors, canary.Errors, canary.Requests),
	}
	f.Worse = f.P < alpha
	f.Text = fmt.Sprintf("the canary fails %s of %d requests, where %s is bearable; by chance once in %s",
		percent(f.Canary), canary.Requests, percent(l.MaxErrors), onceIn(f.P))
	return f
}

func (l Limits) mismatches(shadow Shadow, alpha float64) Finding {
	compared := shadow.Matched + shadow.Mismatched
	f := Finding{
		Figure: "mismatches", Canary: share(shadow.Mismatched, compared), Limit: l.MaxMismatch,
		P: moreThan(l.MaxMismatch, shadow.Mismatched, compared),
	}
	f.Worse = f.P < alpha
	f.Text = fmt.Sprintf("in the shadow %d of %d answers differ from the baseline's; %s may", shadow.Mismatched, compared, percent(l.MaxMismatch))
	return f
}

func (l Limits) latency(name string, q, ratio float64, bounds []float64, baseline, canary Side, alpha float64) Finding {
	f := Finding{Figure: name, Canary: canary.Quantile(q, bounds), Baseline: baseline.Quantile(q, bounds), P: 1}
	f.Limit = max(f.Baseline*ratio, f.Baseline+float64(l.Floor)/float64(time.Millisecond))
	if float64(canary.measured())*(1-q) < 1-1e-9 || baseline.measured() == 0 {
		return f // the p99 of fewer than a hundred requests is only their slowest
	}
	f.P = slower(q, baseline, canary)
	f.Worse = f.P < alpha && f.Canary > f.Limit
	f.Text = fmt.Sprintf("the canary's %s is %s over %d requests, the baseline's %s over %d, so that %s would be bearable; by chance once in %s",
		name, milliseconds(f.Canary), canary.Requests, milliseconds(f.Baseline), baseline.Requests, milliseconds(f.Limit), onceIn(f.P))
	return f
}

// slower is how probable it is, if both sides are alike, that so many of the slow
// requests are the canary's. What is slow is said by both sides together, at the
// quantile of all and at the one where the baseline's lies if all of the canary's
// are slower: chosen so, and not by looking at one side, the test stays exact. For
// each split that was tried the result is worse by a factor.
func slower(q float64, baseline, canary Side) float64 {
	all := baseline.plus(canary)
	least, tried := 1.0, map[int]bool{}
	for _, level := range []float64{q, q * float64(baseline.measured()) / float64(all.measured())} {
		for _, split := range []int{all.bucket(level) - 1, all.bucket(level)} {
			if split < 0 || split >= len(all.Latency)-1 || tried[split] {
				continue
			}
			tried[split] = true
			least = min(least, atRandom(canary.over(split), canary.measured(), baseline.over(split), baseline.measured()))
		}
	}
	return min(1, least*float64(len(tried)))
}

func share(part, of uint64) float64 {
	if of == 0 {
		return 0
	}
	return float64(part) / float64(of)
}

func percent(share float64) string {
	switch p := 100 * share; {
	case p == math.Trunc(p):
		return fmt.Sprintf("%.0f %%", p)
	default:
		return fmt.Sprintf("%.2g %%", p)
	}
}

func milliseconds(ms float64) string {
	if ms < 10 {
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.0f ms", ms)
}

func onceIn(p float64) string {
	if p < 1e-9 {
		return "more than 1e9 windows"
	}
	return fmt.Sprintf("%.3g windows", 1/p)
}
