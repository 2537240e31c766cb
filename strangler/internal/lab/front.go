package lab

import (
	"context"
	"sync"
	"time"

	"banyan.dev/platform/ownership/handover"
)

// front is the gateway: it knows which side the route goes to, and can let new
// requests wait. It is safe for concurrent use.
type front struct {
	mu      sync.Mutex
	route   string
	epoch   int64
	gate    chan struct{} // closed by the release; nil when nothing is held
	passing int           // requests that have passed the gate and are not answered
}

// enter waits at the gate and tells the side. Leave afterwards.
func (f *front) enter(ctx context.Context) (side string, err error) {
	for {
		f.mu.Lock()
		gate := f.gate
		if gate == nil {
			f.passing++
			side = f.route
			f.mu.Unlock()
			return side, nil
		}
		f.mu.Unlock()
		select {
		case <-gate:
		case <-ctx.Done():
			return "", ctx.Err()
		}
	}
}

func (f *front) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.passing--
}

// flip moves the route and asks nobody.
func (f *front) flip(to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.route = to
}

// Route implements handover.Router.
func (f *front) Route(_ context.Context, owner string, epoch int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if epoch < f.epoch {
		return handover.ErrOutrun
	}
	f.route, f.epoch = owner, epoch
	return nil
}

// Hold implements handover.Gateways.
func (f *front) Hold(_ context.Context, lasting time.Duration) (handover.Hold, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.gate != nil {
		return nil, handover.ErrHeld
	}
	f.gate = make(chan struct{})
	h := &hold{front: f, gate: f.gate}
	h.end = time.AfterFunc(lasting, h.open)
	return h, nil
}

// hold is the gate closed.
type hold struct {
	front *front
	gate  chan struct{}
	end   *time.Timer
}

func (h *hold) open() {
	h.front.mu.Lock()
	defer h.front.mu.Unlock()
	if h.front.gate == h.gate {
		close(h.gate)
		h.front.gate = nil
	}
}

// Settle implements handover.Hold.
func (h *hold) Settle(ctx context.Context, within time.Duration) error {
	for deadline := time.Now().Add(within); time.Now().Before(deadline); {
		h.front.mu.Lock()
		passing := h.front.passing
		h.front.mu.Unlock()
		if passing == 0 || pause(ctx, time.Millisecond) != nil {
			break
		}
	}
	return nil
}

// Release implements handover.Hold.
func (h *hold) Release(context.Context) error {
	h.end.Stop()
	h.open()
	return nil
}
