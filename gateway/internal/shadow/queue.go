package shadow

import "sync"

// workers is how many copies of one route may be under way at once: what a slow
// shadow holds in goroutines and connections, and what a weak one has to bear.
const workers = 32

// queue is a route's copies that wait, the oldest first. Its length is bounded by
// the places that Route.begin gives.
type queue struct {
	mu          sync.Mutex
	first, last *Copy
	workers     int
}

// push queues a copy. A worker is started unless there are enough; one without work
// ends.
func (s *state) push(c *Copy) {
	q := &s.queue
	q.mu.Lock()
	if q.last == nil {
		q.first = c
	} else {
		q.last.next = c
	}
	q.last = c
	start := q.workers < workers
	if start {
		q.workers++
	}
	q.mu.Unlock()
	if start && !s.engine.work(s.work) {
		s.dropAll()
	}
}

// work is one worker: it takes copies until there is none.
func (s *state) work() {
	a := s.engine.askers.Get().(*asker)
	for c := s.pop(); c != nil; c = s.pop() {
		a.run(c)
	}
	a.rest()
	s.engine.askers.Put(a)
}

// pop takes the oldest copy. With nil the worker is off the list and must end.
func (s *state) pop() *Copy {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	c := q.first
	if c == nil {
		q.workers--
		return nil
	}
	if q.first = c.next; q.first == nil {
		q.last = nil
	}
	c.next = nil
	return c
}

// dropAll empties the queue of a closed engine, in place of the worker that could
// not be started.
func (s *state) dropAll() {
	for c := s.pop(); c != nil; c = s.pop() {
		s.dropped.Add(1)
		c.done()
	}
}
