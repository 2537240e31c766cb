package journeys

import (
	"bufio"
	"context"
	"net/http"
	"strings"
)

// event is one server-sent event.
type event struct {
	id, kind, data string
}

// stream is an open stream of server-sent events.
type stream struct {
	story  *Story
	events chan event
}

// Watches opens a stream of server-sent events and listens until the journey ends.
func (p *Person) Watches(path string) *stream {
	s := p.story
	s.last = p.name + ": GET " + path + " (a stream)"
	ctx, cancel := context.WithCancel(s.ctx)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.config.BaseURL+path, nil)
	if err != nil {
		cancel()
		s.Fail("GET %s: %w", path, err)
	}
	request.Header.Set("Accept", "text/event-stream")
	response, err := p.http.Do(request) //nolint:bodyclose // closed by the goroutine that listens
	if err != nil {
		cancel()
		s.Fail("GET %s: %w", path, err)
	}
	opened := &stream{story: s, events: make(chan event)}
	over := make(chan struct{})
	go func() {
		defer close(over)
		defer response.Body.Close()
		defer close(opened.events)
		opened.listen(ctx, bufio.NewScanner(response.Body))
	}()
	s.AtEnd(func() { cancel(); <-over })
	s.Is("the stream's status", response.StatusCode, http.StatusOK)
	s.True("the stream is text/event-stream", strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream"))
	return opened
}

// listen reads events as the HTML standard says: fields in lines, an empty line
// ends an event, a line with a colon first is a comment.
func (st *stream) listen(ctx context.Context, lines *bufio.Scanner) {
	var e event
	for lines.Scan() {
		line := lines.Text()
		if line == "" {
			if e != (event{}) && !st.pass(ctx, e) {
				return
			}
			e = event{}
			continue
		}
		name, value, _ := strings.Cut(line, ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			e.id = value
		case "event":
			e.kind = value
		case "data":
			e.data += value + "\n"
		}
	}
}

func (st *stream) pass(ctx context.Context, e event) bool {
	select {
	case st.events <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

// Next waits for an event that fits, and passes over others.
func (st *stream) Next(fits func(event) bool) event {
	s := st.story
	ctx, cancel := context.WithTimeout(s.ctx, s.config.EventuallyWithin)
	defer cancel()
	for {
		select {
		case e, open := <-st.events:
			if !open {
				s.Fail("the stream ended before the event came")
			}
			if fits(e) {
				return e
			}
		case <-ctx.Done():
			s.Fail("no such event came within %s", s.config.EventuallyWithin)
		}
	}
}
