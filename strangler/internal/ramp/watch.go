package ramp

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Kind of an Event.
type Kind string

// The kinds.
const (
	Setting   Kind = "share" // a share is being set
	Looked    Kind = "look"  // both sides were compared
	Good      Kind = "good"  // a share lies behind
	GoingBack Kind = "back"
	Ended     Kind = "end"
)

// Event is one thing that happens in a ramp. Figures are there with looks.
type Event struct {
	Kind     Kind     `json:"kind"`
	Seconds  float64  `json:"seconds"` // since the ramp began
	Route    string   `json:"route"`
	Share    Share    `json:"share"`
	Text     string   `json:"text"`
	Baseline *Figures `json:"baseline,omitempty"`
	Canary   *Figures `json:"canary,omitempty"`
	Shadow   *Shadow  `json:"shadow,omitempty"`
	Verdict  *Verdict `json:"verdict,omitempty"`
}

// Figures are one side's since its share began.
type Figures struct {
	Requests uint64  `json:"requests"`
	Errors   uint64  `json:"errors"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
}

func (s Side) figures(bounds []float64) Figures {
	return Figures{Requests: s.Requests, Errors: s.Errors, P50: s.Quantile(.5, bounds), P99: s.Quantile(.99, bounds)}
}

// String is the figures as a part of a line.
func (f Figures) String() string {
	if f.Requests == 0 {
		return "nothing yet"
	}
	return fmt.Sprintf("%d requests, %d failed, p50 %s, p99 %s", f.Requests, f.Errors, milliseconds(f.P50), milliseconds(f.P99))
}

// blindFor is how long gateways may not answer before the ramp gives up: while
// nothing is seen, nothing is known of the canary.
const blindFor = 10 * time.Second

// watcher watches one share.
type watcher struct {
	*ramp
	share  Share
	began  time.Time
	seen   time.Time // the last time that all gateways answered; zero before the first
	window *Window
	look   Look
	judged uint64 // requests of the canary, and answers of the shadow, that were looked at
	last   Verdict
}

// watch compares both sides until the share is good, and tells whether to go on.
// What it finds otherwise it has acted on.
func (r *ramp) watch(ctx context.Context, share Share) (on bool, err error) {
	w := &watcher{ramp: r, share: share, began: time.Now(), look: Look{Shares: r.shares}}
	tick := time.NewTicker(r.Every)
	defer tick.Stop()
	for {
		result, why := w.step(ctx)
		if result == "" && ctx.Err() != nil {
			result, why = Interrupted, "interrupted"
		}
		switch {
		case result == Done:
			if w.window != nil {
				r.before = r.before.plus(w.window.Baseline)
			}
			return true, nil
		case result != "":
			r.out.StoppedAfter = time.Since(w.began).Seconds()
			return false, r.end(ctx, result, why)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// step is one look; the result is empty while there is none.
func (w *watcher) step(ctx context.Context) (result Result, why string) {
	readings, err := w.target.Read(ctx)
	if ctx.Err() != nil {
		return Interrupted, "interrupted"
	}
	if err == nil {
		err = w.take(readings)
	}
	if err != nil {
		if time.Since(later(w.seen, w.began)) > blindFor {
			return Blind, fmt.Sprintf("nothing was seen of the canary for %s: %v", blindFor, err)
		}
		w.tell(Event{Kind: Looked, Text: "can't look: " + err.Error()})
		return "", ""
	}
	first := w.seen.IsZero()
	w.seen = time.Now()
	for _, r := range readings {
		if r.Share != w.share {
			w.out.Now = r.Share
			return Changed, fmt.Sprintf("somebody set %s to %s, at revision %d", w.Route, r.Share, r.Revision)
		}
	}
	if first {
		return "", "" // the window begins here; there is nothing in it
	}
	return w.conclude(w.judge())
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func (w *watcher) take(readings []Reading) error {
	if w.window == nil {
		w.window = Begin(readings)
	}
	return w.window.Add(readings)
}

// judge compares the sides. At 100 % nobody is left to compare with, and the baseline
// is what it was at the shares before.
func (w *watcher) judge() Verdict {
	baseline := w.window.Baseline
	if w.share == Everybody {
		baseline = w.before.plus(baseline)
	}
	canary, shadow := w.window.Canary, w.window.Shadow
	if fresh := canary.Requests + shadow.Matched + shadow.Mismatched; fresh > w.judged {
		w.judged = fresh
		w.look.Number++
		w.last = w.Limits.Judge(w.look, w.window.Bounds, baseline, canary, shadow)
	}
	if w.share == 0 { // before the first raise there is only a baseline to get to know
		w.last.Enough = baseline.Requests >= w.Limits.MinRequests
	}
	w.out.Baseline, w.out.Canary, w.out.Shadow = baseline.figures(w.window.Bounds), canary.figures(w.window.Bounds), shadow
	w.out.Verdict = &w.last
	return w.last
}

func (w *watcher) conclude(v Verdict) (Result, string) {
	kind, text := Looked, w.line()
	held := time.Since(w.began)
	switch {
	case v.Worse:
		w.tellLook(kind, text)
		return Worse, fmt.Sprintf("at %s, after %.1f s: %s", w.share, held.Seconds(), strings.Join(v.Why(), "; "))
	case held < w.Hold:
	case v.Enough:
		w.tellLook(Good, text+"; good")
		return Done, ""
	case held < w.Hold+w.Patience:
		text += fmt.Sprintf("; waiting for %d requests", w.Limits.MinRequests)
	case w.TooFew == GoOn:
		w.tellLook(Good, text+"; too few to judge by, going on")
		return Done, ""
	default:
		w.tellLook(kind, text)
		return TooFew, fmt.Sprintf("not enough traffic: the canary answered %d requests in %.0f s at %s, and %d are wanted",
			w.out.Canary.Requests, held.Seconds(), w.share, w.Limits.MinRequests)
	}
	w.tellLook(kind, text)
	return "", ""
}

func (w *watcher) line() string {
	baseline := "baseline"
	if w.share == Everybody {
		baseline = "baseline before"
	}
	text := fmt.Sprintf("canary %s | %s %s", w.out.Canary, baseline, w.out.Baseline)
	if s := w.out.Shadow; s.Matched+s.Mismatched+s.Failed > 0 {
		text += fmt.Sprintf(" | shadow %d same, %d differ, %d failed", s.Matched, s.Mismatched, s.Failed)
	}
	return text
}

func (w *watcher) tellLook(kind Kind, text string) {
	baseline, canary, shadow, verdict := w.out.Baseline, w.out.Canary, w.out.Shadow, w.last
	w.tell(Event{Kind: kind, Text: text, Baseline: &baseline, Canary: &canary, Shadow: &shadow, Verdict: &verdict})
}

// tell fills in what every event has.
func (r *ramp) tell(e Event) {
	e.Seconds, e.Route, e.Share = time.Since(r.began).Seconds(), r.Route, r.out.Now
	r.Watch(e)
}
