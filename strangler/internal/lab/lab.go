package lab

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// Config says what is tried, and for how long. The zero value tries all ways.
type Config struct {
	// Only names the ways to try, of Names; none means all.
	Only []string
	// Seed decides what clients write, who is killed and in what order; moments are the
	// machine's. 0 means 1.
	Seed uint64
	// Length is how long clients write in a round; 0 means 1.5 s.
	Length time.Duration
	// Rounds bounds how often a red demo is tried until it has failed; 0 means 10.
	Rounds int
	// AtLeast is how many times its failure must have been seen; 0 means 3.
	AtLeast int
	// Clients write side by side; 0 means 8.
	Clients int
	// Self starts this program again, so that it calls Serve; empty means this
	// executable with the tool's hidden command.
	Self []string
	// Say hears what is going on; it may be nil.
	Say func(string)
}

func (c Config) checked() (Config, error) {
	c.Seed = cmp.Or(c.Seed, 1)
	c.Length = cmp.Or(c.Length, 1500*time.Millisecond)
	c.Rounds, c.AtLeast, c.Clients = cmp.Or(c.Rounds, 10), cmp.Or(c.AtLeast, 3), cmp.Or(c.Clients, 8)
	if c.Length < 100*time.Millisecond || c.Length > time.Minute {
		return c, fmt.Errorf("--length is %v: give a time from 100ms to 1m", c.Length)
	}
	for _, n := range []struct {
		flag  string
		value int
	}{{"rounds", c.Rounds}, {"at-least", c.AtLeast}, {"clients", c.Clients}} {
		if n.value < 1 || n.value > 1000 {
			return c, fmt.Errorf("--%s is %d: give a number from 1 to 1000", n.flag, n.value)
		}
	}
	for _, name := range c.Only {
		if !slices.Contains(Names(), name) {
			return c, fmt.Errorf("--only %q is no way: use %s", name, strings.Join(Names(), ", "))
		}
	}
	if c.Say == nil {
		c.Say = func(string) {}
	}
	if len(c.Self) == 0 {
		self, err := os.Executable()
		if err != nil {
			return c, fmt.Errorf("find this tool's binary: %w", err)
		}
		c.Self = []string{self, Parent, Command}
	}
	return c, nil
}

// Names are the ways, in the order in which they are tried.
func Names() []string {
	var names []string
	for _, w := range ways() {
		names = append(names, w.name)
	}
	return names
}

// ways are all of them; the last is the one of the steps.
func ways() []way {
	return []way{both(), bothRepaired(), publishAfter(), flipBack(), copyJob(), lagZero(), steps()}
}

// Run tries the ways one after the other and reports each. That a red demo did not
// fail, or the steps' way did not hold, is in the report (OK is false); an error is
// that something could not be tried. It leaves nothing behind, also when ctx ends.
func Run(ctx context.Context, c Config) (Report, error) {
	c, err := c.checked()
	if err != nil {
		return Report{}, err
	}
	began := time.Now()
	w, err := start(ctx, c)
	if err != nil {
		return Report{}, err
	}
	r := Report{Seed: c.Seed}
	err = w.tryAll(ctx, &r)
	err = errors.Join(err, w.stop())
	r.Seconds = time.Since(began).Seconds()
	r.OK = err == nil && !slices.ContainsFunc(r.Ways, func(one Result) bool { return !one.OK })
	return r, err
}

func (w *world) tryAll(ctx context.Context, r *Report) error {
	longest := 2 // rounds: the steps' way must hold for as long as the slowest demo took to fail
	for i, one := range ways() {
		if len(w.cfg.Only) > 0 && !slices.Contains(w.cfg.Only, one.name) {
			continue
		}
		result, err := w.try(ctx, one, i, longest)
		if err != nil {
			return fmt.Errorf("%s: %w", one.name, err)
		}
		longest = max(longest, result.Rounds)
		r.Ways = append(r.Ways, result)
		w.cfg.Say(fmt.Sprintf("%s: %s", one.title, result.Verdict))
	}
	return nil
}
