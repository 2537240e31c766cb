package tour

import (
	"sync"
	"time"
)

// memory notes the most that a run's processes used together.
type memory struct {
	mu   sync.Mutex
	most int
	quit chan struct{}
	done chan struct{}
}

// sampleEvery is a compromise: looking costs the kernel a walk over page tables.
const sampleEvery = 2 * time.Second

func watchMemory(measure func() int) *memory {
	m := &memory{quit: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(m.done)
		tick := time.NewTicker(sampleEvery)
		defer tick.Stop()
		for {
			select {
			case <-m.quit:
				return
			case <-tick.C:
				now := measure()
				m.mu.Lock()
				m.most = max(m.most, now)
				m.mu.Unlock()
			}
		}
	}()
	return m
}

func (m *memory) stop() {
	close(m.quit)
	<-m.done
}

func (m *memory) peak() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.most
}
