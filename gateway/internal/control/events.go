package control

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/gateway/internal/control/page"
)

// Bounds of the event streams.
const (
	frameEvery = time.Second
	mostFollow = 64               // streams at once
	stalled    = 10 * time.Second // a reader that takes nothing for so long is gone
	// calm is how many times as long as drawing a frame took none is drawn: with
	// very many routes frames come less often, and never cost a processor more than
	// a twentieth of its time.
	calm = 20
)

// frame is the gateway at one moment, drawn once for everybody who follows.
type frame struct {
	status   func() ([]byte, error)
	sections func() ([]page.Section, error)
	cost     atomic.Int64 // nanoseconds that went into it so far
}

func (s *Server) frame() *frame {
	f := &frame{}
	begun := time.Now()
	view := s.view()
	f.status = sync.OnceValues(func() ([]byte, error) {
		defer f.spent(time.Now())
		return json.Marshal(view.Status)
	})
	f.sections = sync.OnceValues(func() ([]page.Section, error) {
		defer f.spent(time.Now())
		return page.Sections(view)
	})
	f.spent(begun)
	return f
}

func (f *frame) spent(since time.Time) { f.cost.Add(int64(time.Since(since))) }

// next is how long after the frame the next one is drawn.
func (f *frame) next() time.Duration { return max(frameEvery, calm*time.Duration(f.cost.Load())) }

// hub hands about a frame a second to everybody who follows, and draws none while
// nobody does. It is safe for concurrent use.
type hub struct {
	draw    func() *frame
	closing <-chan struct{}
	running sync.WaitGroup

	mu        sync.Mutex
	followers map[chan *frame]struct{}
	drawing   bool // run does
}

func newHub(draw func() *frame, closing <-chan struct{}) *hub {
	return &hub{draw: draw, closing: closing, followers: map[chan *frame]struct{}{}}
}

// join returns where frames come from: the first at once, and then the newest, for
// who reads slowly misses some. It is false when too many follow already, or the
// server closes.
func (h *hub) join() (chan *frame, bool) {
	frames := make(chan *frame, 1)
	if !h.enter(frames) {
		return nil, false
	}
	select {
	case frames <- h.draw():
	default: // there is one by now
	}
	return frames, true
}

func (h *hub) enter(frames chan *frame) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.closing:
		return false
	default:
	}
	if len(h.followers) >= mostFollow {
		return false
	}
	h.followers[frames] = struct{}{}
	if !h.drawing {
		h.drawing = true
		h.running.Go(h.run)
	}
	return true
}

func (h *hub) leave(frames chan *frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.followers, frames)
}

func (h *hub) run() {
	timer := time.NewTimer(frameEvery)
	defer timer.Stop()
	var last *frame
	for {
		select {
		case <-h.closing:
			return
		case <-timer.C:
		}
		wait := frameEvery
		if last != nil {
			wait = last.next() // by now its readers have drawn it
		}
		last = h.draw()
		if !h.hand(last) {
			return
		}
		timer.Reset(wait)
	}
}

// hand gives a frame to everybody, in place of one that was not taken yet. It is
// false when nobody follows any more.
func (h *hub) hand(f *frame) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	for frames := range h.followers {
		select {
		case <-frames:
		default:
		}
		select {
		case frames <- f:
		default: // who has just joined got its first
		}
	}
	h.drawing = len(h.followers) > 0
	return h.drawing
}

// followStatus streams the status once a second, for tools.
func (s *Server) followStatus(c echo.Context) error {
	return s.follow(c, func(f *frame) ([]byte, error) { return f.status() })
}

// followPage streams the sections of the page that have changed since this reader
// last got them.
func (s *Server) followPage(c echo.Context) error {
	seen := map[string]string{}
	return s.follow(c, func(f *frame) ([]byte, error) {
		all, err := f.sections()
		if err != nil {
			return nil, err
		}
		changed := []page.Section{}
		for _, section := range all {
			if seen[section.ID] != section.HTML {
				seen[section.ID] = section.HTML
				changed = append(changed, section)
			}
		}
		return json.Marshal(map[string]any{"build": page.Build, "sections": changed})
	})
}

// follow writes server-sent events until the reader leaves or the server closes.
func (s *Server) follow(c echo.Context, text func(*frame) ([]byte, error)) error {
	frames, ok := s.events.join()
	if !ok {
		c.Response().Header().Set("Retry-After", "5")
		return echo.NewHTTPError(http.StatusServiceUnavailable, fmt.Sprintf("%d streams are followed already, or the gateway stops; close one and try again", mostFollow))
	}
	defer s.events.leave(frames)
	c.Response().Header().Set("Content-Type", "text/event-stream")
	c.Response().WriteHeader(http.StatusOK)
	writer := http.NewResponseController(c.Response())
	for {
		select {
		case <-c.Request().Context().Done():
			return nil
		case <-s.closing:
			return nil
		case f := <-frames:
			data, err := text(f)
			if err != nil {
				return fmt.Errorf("write event: %w", err)
			}
			_ = writer.SetWriteDeadline(time.Now().Add(stalled)) // recorders in tests know none
			if _, err := fmt.Fprintf(c.Response(), "data: %s\n\n", data); err != nil {
				return nil //nolint:nilerr // the reader left
			}
			if writer.Flush() != nil {
				return nil
			}
		}
	}
}
