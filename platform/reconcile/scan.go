package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// task is one question, and what follows from the answer.
type task struct {
	do     func(c *comparison, ctx context.Context, t task) error
	ranges []Range
	side   int // whom to ask, where only one is
	rows   int // how many a part is to have
	depth  int
}

// scan compares everything, and adds what differs for good to the report. Rows that
// differ are looked at again when all is compared, or when they have become many.
func (c *comparison) scan(ctx context.Context, report *Report) error {
	for i := range slices.Backward(report.Kinds) {
		c.kinds[report.Kinds[i].Kind] = &report.Kinds[i]
		c.push(task{do: (*comparison).cut, ranges: []Range{{Kind: report.Kinds[i].Kind}}, side: atOwner, rows: c.opts.RangeRows})
	}
	for len(c.tasks) > 0 && !report.Stopped {
		if err := c.walk(ctx); err != nil {
			return err
		}
		differences, err := c.lookAgain(ctx)
		if err != nil {
			return err
		}
		report.Differences = append(report.Differences, differences...)
		report.Stopped = len(report.Differences) >= c.opts.Limit
	}
	return nil
}

// walk does tasks until there are none, or enough rows to look at again.
func (c *comparison) walk(ctx context.Context) error {
	for len(c.tasks) > 0 && len(c.suspects) < max(enoughSuspects, 2*c.opts.Limit) {
		n := min(c.opts.Concurrency, len(c.tasks))
		next := slices.Clone(c.tasks[len(c.tasks)-n:])
		c.tasks = c.tasks[:len(c.tasks)-n]
		all, ctx := errgroup.WithContext(ctx)
		for _, t := range next {
			all.Go(func() error {
				if err := t.do(c, ctx, t); err != nil {
					return fmt.Errorf("%s: %w", t.ranges[0].Kind, err)
				}
				return nil
			})
		}
		if err := all.Wait(); err != nil {
			return err
		}
		if c.opts.Progress != nil {
			c.opts.Progress(c.compared())
		}
	}
	return nil
}

func (c *comparison) compared() (rows int64) {
	for _, kind := range c.kinds {
		rows += kind.OwnerRows
	}
	return rows
}

// push puts tasks on the stack; the last one is done first.
func (c *comparison) push(tasks ...task) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tasks = append(c.tasks, tasks...)
}

// cut makes ranges of a part of the kind that nobody has looked at: by the owner's
// rows, and behind those, where only the follower can have some, by the follower's.
func (c *comparison) cut(ctx context.Context, t task) error {
	places, err := c.sides[t.side].Split(ctx, t.ranges, t.rows)
	if err != nil {
		return err
	}
	ranges := parts(t.ranges[0], places[0])
	rest := ranges[len(ranges)-1]
	switch {
	case len(places[0]) >= MaxPlaces:
		c.push(task{do: (*comparison).cut, ranges: []Range{rest}, side: t.side, rows: t.rows})
		ranges = ranges[:len(ranges)-1]
	case t.side == atOwner:
		c.push(task{do: (*comparison).cut, ranges: []Range{rest}, side: atFollower, rows: t.rows})
		ranges = ranges[:len(ranges)-1]
	}
	c.pushDigests(ranges, t.rows, 0)
	return nil
}

// parts cuts a range at places.
func parts(r Range, places []string) []Range {
	ranges := make([]Range, 0, len(places)+1)
	for _, place := range places {
		ranges = append(ranges, Range{r.Kind, r.After, place})
		r.After = place
	}
	return append(ranges, r)
}

// pushDigests compares ranges of about so many rows each.
func (c *comparison) pushDigests(ranges []Range, rows, depth int) {
	n := min(max(batch*4096/max(rows, 1), batch), MaxRanges)
	var tasks []task
	for some := range slices.Chunk(ranges, n) {
		tasks = append(tasks, task{do: (*comparison).digest, ranges: some, depth: depth})
	}
	slices.Reverse(tasks)
	c.push(tasks...)
}

// digest compares ranges, and splits those that differ or asks for their rows.
func (c *comparison) digest(ctx context.Context, t task) error {
	both, err := ask(ctx, c, func(ctx context.Context, side Source) ([]Digest, error) { return side.Digests(ctx, t.ranges) })
	if err != nil {
		return err
	}
	c.count(t, both)
	type size struct{ side, rows int }
	splits, small := map[size][]Range{}, []Range(nil)
	for i, r := range t.ranges {
		own, theirs := both[atOwner][i], both[atFollower][i]
		larger := max(own.Rows, theirs.Rows)
		switch {
		case own == theirs:
		case larger <= leaf || t.depth >= maxDepth:
			small = append(small, r)
		case own.Rows >= theirs.Rows:
			splits[size{atOwner, partRows(larger)}] = append(splits[size{atOwner, partRows(larger)}], r)
		default:
			splits[size{atFollower, partRows(larger)}] = append(splits[size{atFollower, partRows(larger)}], r)
		}
	}
	c.pushRows(small)
	for size, ranges := range splits {
		c.push(task{do: (*comparison).split, ranges: ranges, side: size.side, rows: size.rows, depth: t.depth})
	}
	return nil
}

// count notes what was compared; only the first look at a row counts it.
func (c *comparison) count(t task, both [2][]Digest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kind := c.kinds[t.ranges[0].Kind]
	kind.Ranges += len(t.ranges)
	if t.depth > 0 {
		return
	}
	for i := range t.ranges {
		kind.OwnerRows += both[atOwner][i].Rows
		kind.FollowerRows += both[atFollower][i].Rows
	}
}

// partRows is how large the parts are that so many rows are split into.
func partRows(rows int64) int {
	n := int64(leaf)
	for n*fan < rows {
		n *= fan
	}
	return int(n)
}

// split splits ranges by the rows of the side that has more of them.
func (c *comparison) split(ctx context.Context, t task) error {
	places, err := c.sides[t.side].Split(ctx, t.ranges, t.rows)
	if err != nil {
		return err
	}
	var ranges, whole []Range
	for i, r := range t.ranges {
		if len(places[i]) == 0 { // all of it is at one place, or it has shrunk
			whole = append(whole, r)
			continue
		}
		ranges = append(ranges, parts(r, places[i])...)
	}
	c.pushRows(whole)
	c.pushDigests(ranges, t.rows, t.depth+1)
	return nil
}

func (c *comparison) pushRows(ranges []Range) {
	for some := range slices.Chunk(ranges, batch) {
		c.push(task{do: (*comparison).look, ranges: some})
	}
}

// look compares rows one by one, for the first time.
func (c *comparison) look(ctx context.Context, t task) error {
	both, err := ask(ctx, c, func(ctx context.Context, side Source) ([][]Row, error) { return side.Rows(ctx, t.ranges) })
	if err != nil {
		return err
	}
	found := differing(slices.Concat(both[atOwner]...), slices.Concat(both[atFollower]...), time.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kinds[t.ranges[0].Kind].Looked += len(found)
	c.suspects = append(c.suspects, found...)
	return nil
}

// differing pairs rows by their keys, and returns the pairs that are not the same.
func differing(owner, follower []Row, at time.Time) (found []suspect) {
	theirs := make(map[Key]*Row, len(follower))
	for i := range follower {
		theirs[follower[i].Key] = &follower[i]
	}
	for i := range owner {
		r := &owner[i]
		if other := theirs[r.Key]; !r.same(other) {
			found = append(found, suspect{Key: r.Key, since: at, first: [2]*Row{r, other}})
		}
		delete(theirs, r.Key)
	}
	for key, r := range theirs {
		found = append(found, suspect{Key: key, since: at, first: [2]*Row{nil, r}})
	}
	return found
}
