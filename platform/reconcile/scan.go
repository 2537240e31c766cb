package reconcile

import (
	"context"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// scan finds the rows of one kind that differ at a first look. Its tasks are a stack,
// so that what was split is followed down before more is begun.
type scan struct {
	*comparison
	kind *KindReport

	mu       sync.Mutex
	tasks    []task
	suspects []suspect
}

// task is one question, and what follows from the answer.
type task struct {
	do     func(s *scan, ctx context.Context, t task) error
	ranges []Range
	side   int // whom to ask, where only one is
	rows   int // how many a part is to have
	depth  int
}

// compare compares one kind, and adds what differs for good to the report.
func (c *comparison) compare(ctx context.Context, kind *KindReport, report *Report) error {
	s := &scan{comparison: c, kind: kind}
	s.tasks = []task{{do: (*scan).cut, ranges: []Range{{Kind: kind.Kind}}, side: atOwner, rows: c.opts.RangeRows}}
	for len(s.tasks) > 0 && !report.Stopped {
		if err := s.walk(ctx); err != nil {
			return err
		}
		differences, err := s.lookAgain(ctx)
		if err != nil {
			return err
		}
		report.Differences = append(report.Differences, differences...)
		if report.Stopped = len(report.Differences) >= c.opts.Limit; report.Stopped {
			kind.Differences -= len(report.Differences) - c.opts.Limit
			report.Differences = report.Differences[:c.opts.Limit]
		}
	}
	return nil
}

// walk does tasks until there are none, or enough rows to look at again.
func (s *scan) walk(ctx context.Context) error {
	for len(s.tasks) > 0 && len(s.suspects) < max(suspects, 2*s.opts.Limit) {
		n := min(s.opts.Concurrency, len(s.tasks))
		next := slices.Clone(s.tasks[len(s.tasks)-n:])
		s.tasks = s.tasks[:len(s.tasks)-n]
		all, ctx := errgroup.WithContext(ctx)
		for _, t := range next {
			all.Go(func() error { return t.do(s, ctx, t) })
		}
		if err := all.Wait(); err != nil {
			return err
		}
		if s.opts.Progress != nil {
			s.opts.Progress(s.kind.OwnerRows)
		}
	}
	return nil
}

// push puts tasks on the stack; the last one is done first.
func (s *scan) push(tasks ...task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tasks = append(s.tasks, tasks...)
}

// cut makes ranges of a part of the kind that nobody has looked at: by the owner's
// rows, and behind those, where only the follower can have some, by the follower's.
func (s *scan) cut(ctx context.Context, t task) error {
	places, err := s.sides[t.side].Split(ctx, t.ranges, t.rows)
	if err != nil {
		return err
	}
	ranges := parts(t.ranges[0], places[0])
	rest := ranges[len(ranges)-1]
	switch {
	case len(places[0]) >= MaxPlaces:
		s.push(task{do: (*scan).cut, ranges: []Range{rest}, side: t.side, rows: t.rows})
		ranges = ranges[:len(ranges)-1]
	case t.side == atOwner:
		s.push(task{do: (*scan).cut, ranges: []Range{rest}, side: atFollower, rows: t.rows})
		ranges = ranges[:len(ranges)-1]
	}
	s.pushDigests(ranges, t.rows, 0)
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
func (s *scan) pushDigests(ranges []Range, rows, depth int) {
	n := min(max(batch*4096/max(rows, 1), batch), MaxRanges)
	var tasks []task
	for some := range slices.Chunk(ranges, n) {
		tasks = append(tasks, task{do: (*scan).digest, ranges: some, depth: depth})
	}
	slices.Reverse(tasks)
	s.push(tasks...)
}

// digest compares ranges, and splits those that differ or asks for their rows.
func (s *scan) digest(ctx context.Context, t task) error {
	both, err := ask(ctx, s.comparison, func(ctx context.Context, side Source) ([]Digest, error) { return side.Digests(ctx, t.ranges) })
	if err != nil {
		return err
	}
	s.count(t, both)
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
	s.pushRows(small)
	for size, ranges := range splits {
		s.push(task{do: (*scan).split, ranges: ranges, side: size.side, rows: size.rows, depth: t.depth})
	}
	return nil
}

// count notes what was compared; only the first look at a row counts it.
func (s *scan) count(t task, both [2][]Digest) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kind.Ranges += len(t.ranges)
	if t.depth > 0 {
		return
	}
	for i := range t.ranges {
		s.kind.OwnerRows += both[atOwner][i].Rows
		s.kind.FollowerRows += both[atFollower][i].Rows
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
func (s *scan) split(ctx context.Context, t task) error {
	places, err := s.sides[t.side].Split(ctx, t.ranges, t.rows)
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
	s.pushRows(whole)
	s.pushDigests(ranges, t.rows, t.depth+1)
	return nil
}

func (s *scan) pushRows(ranges []Range) {
	for some := range slices.Chunk(ranges, batch) {
		s.push(task{do: (*scan).look, ranges: some})
	}
}

// look compares rows one by one, for the first time.
func (s *scan) look(ctx context.Context, t task) error {
	both, err := ask(ctx, s.comparison, func(ctx context.Context, side Source) ([][]Row, error) { return side.Rows(ctx, t.ranges) })
	if err != nil {
		return err
	}
	found := differing(slices.Concat(both[atOwner]...), slices.Concat(both[atFollower]...), time.Now())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kind.Looked += len(found)
	s.suspects = append(s.suspects, found...)
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
