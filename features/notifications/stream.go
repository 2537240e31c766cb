package notifications

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/httpkit"
	"banyan.dev/platform/paging"
	"banyan.dev/platform/problem"
)

const (
	// overlap is how far a stream looks back at each turn: an id is made before its
	// row is committed, so a row may appear behind one that was sent already.
	overlap = 10 * time.Second
	// life ends a stream so that the browser comes back and shows its session: one
	// who signed out meanwhile hears no more.
	life = 5 * time.Minute
	// writeWithin is how long a client may take to read one event.
	writeWithin = 10 * time.Second
	// perUser bounds the streams of one person, who each cost a query a second.
	perUser = 8
)

// Streams sends notifications to browsers as they come, as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html). It is safe for
// concurrent use.
type Streams struct {
	notifications *Service
	draining      <-chan struct{}
	every, beat   time.Duration

	mu   sync.Mutex
	open map[string]int // by user
}

// NewStreams returns streams that look for news at each interval every, send a
// comment at each interval beat so that proxies keep the connection, and end when
// draining is closed.
func NewStreams(notifications *Service, draining <-chan struct{}, every, beat time.Duration) *Streams {
	return &Streams{notifications: notifications, draining: draining, every: every, beat: beat, open: map[string]int{}}
}

func (s *Streams) answer(c echo.Context) error {
	v := viewer(c)
	if err := signedIn(v); err != nil {
		return err
	}
	if !s.enter(v.ID) {
		return problem.New(problem.RateLimited, "you have %d streams open: close one", perUser)
	}
	defer s.leave(v.ID)
	last := c.Request().Header.Get("Last-Event-ID")
	st := stream{service: s.notifications, viewer: v, out: http.NewResponseController(c.Response()), to: c.Response(), sent: map[string]time.Time{}}
	if err := st.begin(c.Request().Context(), last); err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentType, "text/event-stream")
	c.Response().Header().Set("X-Accel-Buffering", "no") // nginx in front would hold events back
	c.Response().WriteHeader(http.StatusOK)
	if httpkit.IsHead(c.Request()) {
		return nil
	}
	return s.run(c.Request().Context(), &st)
}

func (s *Streams) enter(userID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[userID] >= perUser {
		return false
	}
	s.open[userID]++
	return true
}

func (s *Streams) leave(userID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[userID]--; s.open[userID] == 0 {
		delete(s.open, userID)
	}
}

// run sends until the client goes, the host drains or the stream has lived its
// life. Its errors end the stream and nothing else: the client comes back by
// itself, with the id of the last event it saw.
func (s *Streams) run(ctx context.Context, st *stream) error {
	ctx, cancel := context.WithTimeout(ctx, life)
	defer cancel()
	turn, beat := time.NewTicker(s.every), time.NewTicker(s.beat)
	defer turn.Stop()
	defer beat.Stop()
	if err := st.write("retry: 1000\n\n"); err != nil {
		return nil
	}
	for {
		if err := st.send(ctx); err != nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.draining:
			return nil
		case <-beat.C:
			if err := st.write(": still here\n\n"); err != nil {
				return nil
			}
		case <-turn.C:
		}
	}
}

// stream is one client's.
type stream struct {
	service *Service
	viewer  contracts.Viewer
	out     *http.ResponseController
	to      http.ResponseWriter
	since   time.Time            // what is older was sent, or is not for this stream
	sent    map[string]time.Time // within the overlap; by notification id
}

// begin finds where the stream starts: after the last event that the client saw, or
// now.
func (st *stream) begin(ctx context.Context, last string) error {
	_ = st.out.SetReadDeadline(time.Time{}) // the server's is for requests that end
	seen, resumes := timeOf(last)
	st.since = st.service.now()
	if resumes {
		st.since = seen
	}
	err := st.each(ctx, func(n Notification) error {
		if !resumes || n.ID <= last {
			st.sent[n.ID], _ = timeOf(n.ID)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("find where the stream starts: %w", err)
	}
	return nil
}

// each goes over all that may be new, page by page.
func (st *stream) each(ctx context.Context, f func(Notification) error) error {
	after := idAt(st.since.Add(-overlap))
	for {
		news, err := st.service.Since(ctx, st.viewer, after)
		if err != nil {
			return err
		}
		for _, n := range news {
			if err := f(n); err != nil {
				return err
			}
		}
		if len(news) < paging.MaxLimit {
			return nil
		}
		after = news[len(news)-1].ID
	}
}

// send writes what is new.
func (st *stream) send(ctx context.Context) error {
	newest := st.since
	err := st.each(ctx, func(n Notification) error {
		if _, was := st.sent[n.ID]; was {
			return nil
		}
		made, _ := timeOf(n.ID)
		st.sent[n.ID] = made
		if made.After(newest) {
			newest = made
		}
		return st.event(n)
	})
	st.since = newest
	st.forget()
	return err
}

// forget drops what lies before the overlap and will not be asked for again.
func (st *stream) forget() {
	for id, made := range st.sent {
		if made.Before(st.since.Add(-2 * overlap)) {
			delete(st.sent, id)
		}
	}
}

func (st *stream) event(n Notification) error {
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("encode notification: %w", err)
	}
	return st.write(fmt.Sprintf("id: %s\nevent: notification\ndata: %s\n\n", n.ID, data))
}

func (st *stream) write(s string) error {
	// A client that reads no more must not keep a goroutine until the end of its life.
	_ = st.out.SetWriteDeadline(time.Now().Add(writeWithin))
	if _, err := st.to.Write([]byte(s)); err != nil {
		return err
	}
	return st.out.Flush()
}

// idAt is the lowest UUIDv7 of that moment (RFC 9562, 5.7): what is sorted by id can
// so be asked for by time.
func idAt(t time.Time) string {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(t.UnixMilli())<<16)
	id[6], id[8] = 0x70, 0x80
	return id.String()
}

func timeOf(id string) (time.Time, bool) {
	parsed, err := uuid.Parse(id)
	if err != nil || parsed.Version() != 7 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(binary.BigEndian.Uint64(parsed[:8]) >> 16)), true
}
