package notifications_test

import (
	"bufio"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/features/contracts"
	"banyan.dev/features/notifications"
	"banyan.dev/platform/httpkit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// news is a store that a test adds to.
type news struct {
	notifications.Store
	mu  sync.Mutex
	all []notifications.Notification
}

func (n *news) add(id string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, notifications.Notification{ID: id, Kind: "comment"})
	slices.SortFunc(n.all, func(a, b notifications.Notification) int { return strings.Compare(a.ID, b.ID) })
}

func (n *news) Since(_ context.Context, _, id string, limit int) ([]notifications.Notification, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var after []notifications.Notification
	for _, one := range n.all {
		if one.ID > id && len(after) < limit {
			after = append(after, one)
		}
	}
	return after, nil
}

type streaming struct {
	news     *news
	url      string
	draining chan struct{}
}

// startStreams serves streams to one viewer who is always signed in.
func startStreams(t *testing.T) *streaming {
	t.Helper()
	s := &streaming{news: &news{}, draining: make(chan struct{})}
	service := notifications.NewService(s.news, nil, nil, nil, time.Now)
	e := httpkit.New(httpkit.Config{Logger: slog.New(slog.DiscardHandler)})
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if c.Request().Header.Get("X-Nobody") == "" {
				v := contracts.Viewer{Person: contracts.Person{ID: "u-1"}}
				c.SetRequest(c.Request().WithContext(contracts.WithViewer(c.Request().Context(), v)))
			}
			return next(c)
		}
	})
	notifications.Register(e.Group(""), service, notifications.NewStreams(service, s.draining, 5*time.Millisecond, 20*time.Millisecond))
	server := httptest.NewServer(e)
	t.Cleanup(server.Close)
	s.url = server.URL + "/notifications/stream"
	return s
}

func (s *streaming) open(t *testing.T, headers ...string) (*http.Response, *bufio.Scanner) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url, nil)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = answer.Body.Close() })
	return answer, bufio.NewScanner(answer.Body)
}

// ids reads the stream until so many events came.
func ids(t *testing.T, lines *bufio.Scanner, count int) []string {
	t.Helper()
	var got []string
	for len(got) < count && lines.Scan() {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			got = append(got, id)
		}
	}
	require.Len(t, got, count)
	return got
}

func until(lines *bufio.Scanner, want string) bool {
	for lines.Scan() {
		if lines.Text() == want {
			return true
		}
	}
	return false
}

func TestAStreamTellsWhatComesAfterItBegan(t *testing.T) {
	s := startStreams(t)
	s.news.add(contracts.NewID())
	late := contracts.NewID() // made before the stream began, committed after it
	answer, lines := s.open(t)
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	require.True(t, until(lines, "retry: 1000"))
	next := contracts.NewID()
	s.news.add(next)
	require.Equal(t, []string{next}, ids(t, lines, 1))
	s.news.add(late)
	require.Equal(t, []string{late}, ids(t, lines, 1), "a row that is committed late is not skipped")
	require.True(t, until(lines, ": still here"))
}

func TestAStreamGoesOnWhereItBroke(t *testing.T) {
	s := startStreams(t)
	var made []string
	for range 250 { // more than one page
		made = append(made, contracts.NewID())
		s.news.add(made[len(made)-1])
	}
	_, lines := s.open(t, "Last-Event-ID", made[9])
	require.Equal(t, made[10:], ids(t, lines, 240))
}

func TestAStreamEndsWhenTheHostDrains(t *testing.T) {
	s := startStreams(t)
	_, lines := s.open(t)
	require.True(t, until(lines, "retry: 1000"))
	close(s.draining)
	for lines.Scan() { // until the end
		continue
	}
	require.NoError(t, lines.Err())
}

func TestStreamsAreForPeopleAndBounded(t *testing.T) {
	s := startStreams(t)
	answer, _ := s.open(t, "X-Nobody", "1")
	require.Equal(t, 401, answer.StatusCode)
	for range 8 {
		answer, lines := s.open(t)
		require.Equal(t, 200, answer.StatusCode)
		require.True(t, until(lines, "retry: 1000"))
	}
	answer, _ = s.open(t)
	require.Equal(t, 429, answer.StatusCode)
}
