package reconcile

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// comparison is one Compare under way. Its tasks are a stack, so that what was split
// is followed down before more is begun.
type comparison struct {
	opts  Options
	sides [2]*counted // the owner's and the follower's

	mu       sync.Mutex
	kinds    map[string]*KindReport
	tasks    []task
	suspects []suspect // differed at the first look
}

// The sides, as indices.
const (
	atOwner = iota
	atFollower
)

var sideNames = [2]string{"the owner", "the follower"}

// ask asks both sides the same at the same time.
func ask[T any](ctx context.Context, c *comparison, question func(ctx context.Context, s Source) (T, error)) (answers [2]T, err error) {
	both, ctx := errgroup.WithContext(ctx)
	for i, s := range c.sides {
		both.Go(func() error {
			answer, err := question(ctx, s)
			if err != nil {
				return fmt.Errorf("ask %s: %w", sideNames[i], err)
			}
			answers[i] = answer
			return nil
		})
	}
	return answers, both.Wait()
}

// counted is a side whose questions are counted, and whose answers are as many as the
// questions.
type counted struct {
	Source
	asked atomic.Int64
	was   int64 // the bytes before
}

// metered is a side some network away.
type metered interface {
	// Traffic is how many requests there were so far, and the bytes of both ways.
	Traffic() (requests, bytes int64)
}

func (s *counted) bytes() (n int64) {
	if m, ok := s.Source.(metered); ok {
		_, n = m.Traffic()
	}
	return n
}

func (s *counted) begin() { s.was = s.bytes() }

func (s *counted) traffic() (requests, bytes int64) { return s.asked.Load(), s.bytes() - s.was }

func (s *counted) Kinds(ctx context.Context) ([]Kind, error) {
	s.asked.Add(1)
	return s.Source.Kinds(ctx)
}

func (s *counted) Split(ctx context.Context, ranges []Range, rows int) ([][]string, error) {
	s.asked.Add(1)
	places, err := s.Source.Split(ctx, ranges, rows)
	return answered("split", len(ranges), places, err)
}

func (s *counted) Digests(ctx context.Context, ranges []Range) ([]Digest, error) {
	s.asked.Add(1)
	digests, err := s.Source.Digests(ctx, ranges)
	return answered("digests", len(ranges), digests, err)
}

func (s *counted) Rows(ctx context.Context, ranges []Range) ([][]Row, error) {
	s.asked.Add(1)
	rows, err := s.Source.Rows(ctx, ranges)
	if rows, err = answered("rows", len(ranges), rows, err); err != nil {
		return nil, err
	}
	for i, r := range ranges {
		if err := ofKind(r.Kind, rows[i]); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

func (s *counted) Find(ctx context.Context, kind string, places []string) ([]Row, error) {
	s.asked.Add(1)
	rows, err := s.Source.Find(ctx, kind, places)
	if err != nil {
		return nil, err
	}
	return rows, ofKind(kind, rows)
}

// ofKind refuses rows that were not asked for.
func ofKind(kind string, rows []Row) error {
	for _, r := range rows {
		if r.Kind != kind {
			return fmt.Errorf("asked for rows of kind %q, and told of one of kind %q", kind, r.Kind)
		}
	}
	return nil
}

// answered refuses an answer that is not one for each question.
func answered[T any](what string, n int, answers []T, err error) ([]T, error) {
	if err == nil && len(answers) != n {
		err = fmt.Errorf("%s: %d answers to %d questions", what, len(answers), n)
	}
	return answers, err
}
