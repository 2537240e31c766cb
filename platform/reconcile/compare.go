package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Options are how a comparison goes. Zero values mean what is said.
type Options struct {
	// Resource, Owner and Follower are names for the report.
	Resource, Owner, Follower string
	// Kinds are those to compare; none means all.
	Kinds []string
	// Limit is how many differences end it early; 1,000.
	Limit int
	// Concurrency is how many questions each side is asked at a time; 1. Both sides are
	// always asked at the same time.
	Concurrency int
	// RangeRows is how many rows a range has to begin with; 4,096. Smaller ones are more
	// traffic and less to look at where something differs.
	RangeRows int
	// Again is for how long rows that differ are looked at again, from when they were
	// seen to: the bound of the feed's lag; 10 s. A negative one means a single look.
	Again time.Duration
	// Progress, if set, is told how many of the owner's rows are compared, now and then
	// and never at the same time.
	Progress func(rows int64)
}

const (
	batch    = 64  // ranges of 4,096 rows in one question
	leaf     = 128 // rows in a range that is not worth splitting
	fan      = 32  // parts that a differing range is split into
	maxDepth = 24  // splits of a range, whatever happens to it meanwhile
	// enoughSuspects is how many rows are kept before they are looked at again.
	enoughSuspects = 20_000
)

func (o Options) withDefaults() Options {
	o.Limit = cmp.Or(o.Limit, 1000)
	o.Concurrency = cmp.Or(o.Concurrency, 1)
	o.RangeRows = cmp.Or(o.RangeRows, 4096)
	o.Again = cmp.Or(o.Again, 10*time.Second)
	return o
}

func (o Options) check() error {
	switch {
	case o.Limit < 0:
		return fmt.Errorf("reconcile: Limit %d can't be: use at least 1", o.Limit)
	case o.Concurrency < 0 || o.Concurrency > 64:
		return fmt.Errorf("reconcile: Concurrency %d can't be: use 1 to 64", o.Concurrency)
	case o.RangeRows < 0:
		return fmt.Errorf("reconcile: RangeRows %d can't be: use at least 1", o.RangeRows)
	}
	return nil
}

// Compare compares all rows of both sides and reports those that differ for good. It
// changes nothing. Memory grows with the differences, up to Options.Limit and some
// ten thousand rows. An error of either side ends it; it may simply be run again.
func Compare(ctx context.Context, owner, follower Source, opts Options) (Report, error) {
	opts = opts.withDefaults()
	if err := opts.check(); err != nil {
		return Report{}, err
	}
	began := time.Now()
	c := &comparison{opts: opts, kinds: map[string]*KindReport{}, sides: [2]*counted{{Source: owner}, {Source: follower}}}
	c.sides[0].begin()
	c.sides[1].begin()
	report, err := c.run(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("compare %s: %w", opts.Resource, err)
	}
	report.Began, report.Took = began.UTC(), Milliseconds(time.Since(began))
	return report, nil
}

// run compares all kinds, and puts the report in order.
func (c *comparison) run(ctx context.Context) (Report, error) {
	report := Report{Resource: c.opts.Resource, Owner: c.opts.Owner, Follower: c.opts.Follower, Differences: []Difference{}}
	names, err := c.agreed(ctx)
	if err != nil {
		return Report{}, err
	}
	for _, name := range names {
		report.Kinds = append(report.Kinds, KindReport{Kind: name})
	}
	if err := c.scan(ctx, &report); err != nil {
		return Report{}, err
	}
	for _, s := range c.sides {
		requests, bytes := s.traffic()
		report.Requests += requests
		report.Bytes += bytes
	}
	slices.SortFunc(report.Differences, func(a, b Difference) int { return compareKeys(a.Key, b.Key) })
	report.Differences = report.Differences[:min(len(report.Differences), c.opts.Limit)]
	return report, nil
}

// agreed are the kinds to compare, which both sides have and hash alike.
func (c *comparison) agreed(ctx context.Context) ([]string, error) {
	both, err := ask(ctx, c, func(ctx context.Context, s Source) ([]Kind, error) { return s.Kinds(ctx) })
	if err != nil {
		return nil, err
	}
	if !slices.Equal(both[0], both[1]) {
		return nil, fmt.Errorf("the sides don't make the same of their rows (%v and %v): run the same release on both", both[0], both[1])
	}
	var names []string
	for _, k := range both[0] {
		names = append(names, k.Name)
	}
	for _, wanted := range c.opts.Kinds {
		if !slices.Contains(names, wanted) {
			return nil, fmt.Errorf("there is no kind %q: use %s", wanted, strings.Join(names, ", "))
		}
	}
	if len(names) == 0 {
		return nil, errors.New("there are no kinds of rows to compare")
	}
	if len(c.opts.Kinds) > 0 {
		names = slices.DeleteFunc(names, func(name string) bool { return !slices.Contains(c.opts.Kinds, name) })
	}
	return names, nil
}

func compareText(a, b string) int { return strings.Compare(a, b) }

func compareKeys(a, b Key) int {
	return cmp.Or(compareText(a.Kind, b.Kind), compareText(a.Place, b.Place), compareText(a.Sub, b.Sub))
}
