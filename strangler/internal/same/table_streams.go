package same

import (
	"bufio"
	"net/http"
	"strings"
	"time"
)

func streamCases() []Case {
	return []Case{
		{"an event comes through a stream at once", eventAtOnce},
		one("a stream that nobody may have", http.StatusUnauthorized, func(*stage) request {
			return get("/api/v1/notifications/stream").with("Accept: text/event-stream")
		}),
	}
}

// eventAtOnce listens on both sides as the same author, lets the reader comment, and
// wants the same event on both while the streams are still open.
func eventAtOnce(s *scene) {
	r := get("/api/v1/notifications/stream").with("Accept: text/event-stream")
	r.author = true
	var heads [2]reply
	var streams [2]*http.Response
	var lines [2]*connection
	for i, side := range s.sides() {
		c := s.dial(side)
		if _, err := c.Write(r.to(side).head); err != nil {
			s.fail("%s: %v", side.name, err)
		}
		// The head must come before any event does.
		if err := c.SetReadDeadline(time.Now().Add(s.streamWithin)); err != nil {
			s.fail("%s: %v", side.name, err)
		}
		response, err := c.head(r.method) //nolint:bodyclose // it never ends; the connection is closed with the case
		if err != nil {
			s.fail("%s: the stream's head did not come within %s: %v", side.name, s.streamWithin, err)
		}
		heads[i], streams[i], lines[i] = asReply(response), response, c
	}
	s.mustEqual(r, heads[0], heads[1])
	s.want(http.StatusOK, heads[0])

	comment := post(s.api(s.post)+"/comments", fields{"body": "live"})
	comment.cookies = s.reader
	said, err := s.done(s.ctx, s.direct, comment, http.StatusCreated)
	if err != nil {
		s.fail("%v", err)
	}
	var events [2]string
	for i, side := range s.sides() {
		if err := lines[i].SetReadDeadline(time.Now().Add(s.streamWithin)); err != nil {
			s.fail("%s: %v", side.name, err)
		}
		event, err := eventWith(bufio.NewReader(streams[i].Body), said.id)
		if err != nil {
			s.fail("%s: the event did not come within %s: %v", side.name, s.streamWithin, err)
		}
		events[i] = event
	}
	if events[0] != events[1] {
		s.fail("the event: direct %q, gateway %q", events[0], events[1])
	}
}

// eventWith reads on to the event that has the text, and returns it whole.
func eventWith(stream *bufio.Reader, text string) (string, error) {
	var event strings.Builder
	for {
		line, err := stream.ReadString('\n')
		if err != nil {
			return "", err
		}
		if strings.HasPrefix(line, ":") {
			continue // a comment that keeps the line alive
		}
		event.WriteString(line)
		if strings.TrimRight(line, "\r\n") != "" {
			continue
		}
		if strings.Contains(event.String(), text) {
			return event.String(), nil
		}
		event.Reset()
	}
}
