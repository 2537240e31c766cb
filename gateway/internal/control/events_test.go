package control_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/control"
	"banyan.dev/gateway/internal/control/page"
	"banyan.dev/gateway/internal/control/status"
	"banyan.dev/gateway/internal/current"
)

// stream is an event stream that is read.
type stream struct {
	t     *testing.T
	res   *http.Response
	lines *bufio.Reader
}

func (r *rig) stream(t *testing.T, path string) *stream {
	t.Helper()
	res, err := r.Client().Get(r.URL + path)
	require.NoError(t, err)
	t.Cleanup(func() { _ = res.Body.Close() })
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	return &stream{t, res, bufio.NewReader(res.Body)}
}

// next reads an event's JSON.
func (s *stream) next(into any) {
	s.t.Helper()
	for {
		text, err := s.lines.ReadString('\n')
		require.NoError(s.t, err)
		if data, ok := strings.CutPrefix(text, "data: "); ok {
			require.NoError(s.t, json.Unmarshal([]byte(data), into))
			return
		}
	}
}

func TestEventsFollowTheStatus(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	s := r.stream(t, "/api/events")
	var told status.Status
	s.next(&told)
	require.EqualValues(t, 3, told.Revision)
	require.NoError(t, r.current.Apply("api", "body", []byte(second("4")), current.Any))
	for told.Revision == 3 {
		s.next(&told)
	}
	require.EqualValues(t, 4, told.Revision)
}

// frame is an event of the page.
type frame struct {
	Build    string
	Sections []page.Section
}

func (f frame) has(id string) bool {
	for _, s := range f.Sections {
		if s.ID == id {
			return true
		}
	}
	return false
}

func TestThePageIsToldOnlyWhatChanges(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	s := r.stream(t, "/_strangler/events")
	var f frame
	s.next(&f)
	require.Equal(t, page.Build, f.Build)
	for _, id := range []string{"summary", "picture", "routes", "owners", "history", "configuration"} {
		require.True(t, f.has(id), id)
	}
	f = frame{}
	s.next(&f)
	require.False(t, f.has("configuration"), "nobody changed it")
	require.False(t, f.has("history"))
	require.NoError(t, r.current.Apply("api", "body", []byte(second("4")), current.Any))
	for !f.has("configuration") {
		f = frame{}
		s.next(&f)
	}
	require.True(t, f.has("history"))
	require.True(t, f.has("summary"))
}

func TestStreamsAreBoundedAndEndWithTheServer(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	var all []*stream
	for range control.MostFollow {
		all = append(all, r.stream(t, "/api/events"))
	}
	res, body := r.do(t, "GET", "/api/events", "")
	require.Equal(t, 503, res.StatusCode)
	require.Equal(t, "5", res.Header.Get("Retry-After"))
	require.Contains(t, body, "close one and try again")
	require.NoError(t, all[0].res.Body.Close())
	require.Eventually(t, func() bool {
		res, err := r.Client().Get(r.URL + "/_strangler/events")
		if err != nil {
			return false
		}
		defer res.Body.Close()
		return res.StatusCode == 200
	}, wait, wait/1000, "one who leaves makes room")
	require.NoError(t, r.control.Close(context.Background()))
	for _, s := range all[1:] {
		_, err := s.lines.WriteTo(discard{})
		require.NoError(t, err, "the stream ends properly")
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestWhoReadsNothingDoesNotHoldTheOthersUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, "")
	r.stream(t, "/_strangler/events") // never read
	s := r.stream(t, "/api/events")
	var told status.Status
	for range 3 {
		s.next(&told)
	}
	require.EqualValues(t, 3, told.Revision)
}
