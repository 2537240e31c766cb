package control

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"banyan.dev/gateway/internal/control/page"
)

// Bounds of the event streams.
const (
	frameEvery = time.Second
	mostFollow = 64               // streams at once
	stalled    = 10 * time.Second // a reader that takes nothing for so long is gone
)

// frame is the gateway at one moment, drawn once for everybody who follows.
type frame struct {
	view     page.View
	status   func() ([]byte, error)
	sections func() ([]page.Section, error)
}

func (s *Server) frame() *frame {
	view := s.view()
	return &frame{
		view:     view,
		status:   sync.OnceValues(func() ([]byte, error) { return json.Marshal(view.Status) }),
		sections: sync.OnceValues(func() ([]page.Section, error) { return page.Sections(view) }),
	}
}

// hub hands a frame a second to everybody who follows, and draws none while nobody
// does. It is safe for concurrent use.
type hub struct {
	draw    func() *frame
	closing <-chan struct{}
	running sync.WaitGroup

	mu        sync.Mutex
	followers map[chan *frame]struct{}
}

func newHub(draw func() *frame, closing <-chan struct{}) *hub {
	return &hub{draw: draw, closing: closing, followers: map[chan *frame]struct{}{}}
}

// join returns where frames come from: the first at once, and then the newest, for
// who reads slowly misses some. It is false when too many follow already, or the
// server closes.
func (h *hub) join() (chan *frame, bool) {
	frames := make(chan *frame, 1)
	frames <- h.draw()
	h.mu.Lock()
	defer h.mu.Unlock()
	select {
	case <-h.closing:
		return nil, false
	default:
	}
	if len(h.followers) >= mostFollow {
		return nil, false
	}
	h.followers[frames] = struct{}{}
	if len(h.followers) == 1 {
		h.running.Go(h.run)
	}
	return frames, true
}

func (h *hub) leave(frames chan *frame) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.followers, frames)
}

func (h *hub) run() {
	tick := time.NewTicker(frameEvery)
	defer tick.Stop()
	for {
		select {
		case <-h.closing:
			return
		case <-tick.C:
		}
		if !h.hand(h.draw()) {
			return
		}
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
		frames <- f
	}
	return len(h.followers) > 0
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
