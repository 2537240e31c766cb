package wire

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/platform/embedded"
	"banyan.dev/strangler/internal/bench/stand"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// server answers by a function that gets the number of the connection and of the
// request on it.
type server struct {
	address string
	seen    sync.Map // cookies of requests that are no sign-in
}

type answerer func(conn, request int) (answer string, end bool)

func serve(t *testing.T, answer answerer) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{address: l.Addr().String()}
	var open sync.WaitGroup
	open.Go(func() {
		for number := 0; ; number++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			open.Go(func() {
				stop := context.AfterFunc(t.Context(), func() { _ = conn.Close() })
				defer stop()
				s.talk(conn, number, answer)
			})
		}
	})
	t.Cleanup(func() {
		require.NoError(t, l.Close())
		open.Wait()
	})
	return s
}

func (s *server) talk(conn net.Conn, number int, answer answerer) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for i := 0; ; i++ {
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		if !strings.Contains(req.URL.RawQuery, "sign_in") {
			s.seen.Store(req.Header.Get("Cookie"), true)
		}
		text, end := answer(number, i)
		if _, err := conn.Write([]byte(text)); err != nil || end {
			return
		}
	}
}

func (s *server) target() Target {
	return Target{Address: s.address, Path: "/a", SignIn: "/a?sign_in=1"}
}

func ok(headers string) string {
	return "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n" + headers + "\r\n{ }"
}

// workUntil lets a crowd work until so many requests were answered.
func workUntil(t *testing.T, crowd *Crowd, bear bool, enough func() bool) (Window, error) {
	t.Helper()
	shift := crowd.Begin(t.Context(), bear)
	require.Eventually(t, func() bool {
		select {
		case <-shift.Failed():
			return true
		default:
			return enough()
		}
	}, 20*time.Second, time.Millisecond)
	return shift.End()
}

func TestEachClientIsAUserWithCookies(t *testing.T) {
	var asked atomic.Int64
	s := serve(t, func(conn, request int) (string, bool) {
		asked.Add(1)
		if request > 0 {
			return ok(""), false
		}
		return ok(fmt.Sprintf("Set-Cookie: s=%d; Path=/\r\nset-cookie: r=x\r\nSet-Cookie: r=y; HttpOnly\r\n", conn)), false
	})
	crowd, err := Gather(t.Context(), s.target(), 3)
	require.NoError(t, err)
	defer crowd.Close()
	window, err := workUntil(t, crowd, false, func() bool { return asked.Load() > 300 })
	require.NoError(t, err)
	var users []string
	s.seen.Range(func(cookies, _ any) bool { users = append(users, cookies.(string)); return true })
	assert.ElementsMatch(t, []string{"s=0; r=y", "s=1; r=y", "s=2; r=y"}, users)
	assert.Equal(t, asked.Load()-3, window.Requests, "signing in is not counted")
	assert.Equal(t, window.Requests, window.Latencies.TotalCount())
	assert.Zero(t, window.Failed)
	assert.Positive(t, window.Rate())
	assert.LessOrEqual(t, window.Quantile(50), window.Quantile(99))
}

func TestAnAnswerThatIsNo200EndsTheShift(t *testing.T) {
	s := serve(t, func(_, request int) (string, bool) {
		if request == 5 {
			return "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy", false
		}
		return ok(""), false
	})
	crowd, err := Gather(t.Context(), s.target(), 2)
	require.NoError(t, err)
	defer crowd.Close()
	window, err := workUntil(t, crowd, false, func() bool { return false })
	require.ErrorIs(t, err, errStatus)
	require.ErrorContains(t, err, "503 Service Unavailable")
	require.ErrorContains(t, err, "busy")
	assert.Positive(t, window.Failed)
}

func TestWhoBearsFailuresCountsThemAndGoesOn(t *testing.T) {
	var asked atomic.Int64
	s := serve(t, func(_, request int) (string, bool) {
		asked.Add(1)
		switch request % 10 {
		case 3:
			return "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", false
		case 7:
			return "", true // the connection is lost
		}
		return ok(""), false
	})
	crowd, err := Gather(t.Context(), s.target(), 1)
	require.NoError(t, err)
	defer crowd.Close()
	window, err := workUntil(t, crowd, true, func() bool { return asked.Load() > 100 })
	require.NoError(t, err)
	require.ErrorContains(t, window.First, "502")
	assert.GreaterOrEqual(t, window.Failed, int64(20), "two of each eight")
	assert.Equal(t, window.Requests-window.Failed, window.Latencies.TotalCount())
}

func TestAnAnnouncedEndOfTheConnectionIsNoFailure(t *testing.T) {
	var conns atomic.Int64
	s := serve(t, func(conn, request int) (string, bool) {
		conns.Store(int64(conn))
		if request == 4 {
			return ok("Connection: close\r\n"), true
		}
		return ok(""), false
	})
	crowd, err := Gather(t.Context(), s.target(), 1)
	require.NoError(t, err)
	defer crowd.Close()
	window, err := workUntil(t, crowd, false, func() bool { return conns.Load() > 5 })
	require.NoError(t, err)
	assert.Zero(t, window.Failed)
}

func TestAnswersThatCantBeReadAreSaid(t *testing.T) {
	for name, c := range map[string]struct{ answer, want string }{
		"no length":       {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "has no Content-Length"},
		"a bad length":    {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", `"-1" is no Content-Length`},
		"another thing":   {"SSH-2.0-OpenSSH\r\n\r\n", "is no answer of HTTP/1.1"},
		"an endless head": {"HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", answerBuffer), "head is longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(int, int) (string, bool) { return c.answer, false })
			_, err := Gather(t.Context(), s.target(), 1)
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestAnInterruptionEndsEverything(t *testing.T) {
	s := serve(t, func(_, request int) (string, bool) {
		if request == 0 {
			return ok(""), false
		}
		return "HTTP/1.1 200 OK\r\n", false // and never an end
	})
	for _, bear := range []bool{false, true} {
		crowd, err := Gather(t.Context(), s.target(), 4)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		shift := crowd.Begin(ctx, bear)
		cancel()
		<-shift.Failed()
		_, err = shift.End()
		require.ErrorIs(t, err, context.Canceled)
		crowd.Close()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := Gather(ctx, s.target(), 4)
	require.ErrorIs(t, err, context.Canceled)
}

func TestOnlyTheHeldAnswer(t *testing.T) {
	s := serve(t, func(conn, _ int) (string, bool) { return ok(""), conn%5 == 0 })
	crowd, err := Gather(t.Context(), s.target(), 50)
	require.NoError(t, err)
	defer crowd.Close()
	answered, err := crowd.Ask(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 40, answered)
}

// application is the benchmark's own, inside of the test.
func application(t *testing.T) string {
	t.Helper()
	address := func() string {
		port, err := embedded.FreePort()
		require.NoError(t, err)
		return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	c := stand.Config{Kind: stand.Application, Listen: []string{address()}, Streams: address()}
	text, err := json.Marshal(c)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- stand.Serve(ctx, string(text), waiting{ctx}) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-served)
	})
	require.Eventually(t, func() bool {
		conn, err := net.Dial("tcp", c.Listen[0])
		return err == nil && conn.Close() == nil
	}, 20*time.Second, time.Millisecond)
	return c.Listen[0]
}

// waiting ends with its context.
type waiting struct{ ctx context.Context }

func (w waiting) Read([]byte) (int, error) {
	<-w.ctx.Done()
	return 0, errors.New("over")
}

// The clients share the processors with what they measure, and so does the
// application: neither may allocate for a request. Counted are both at once.
func TestARequestAllocatesNothing(t *testing.T) {
	address := application(t)
	for _, body := range []string{"1024", "100000"} {
		path := stand.Item + "?bytes=" + body
		crowd, err := Gather(t.Context(), Target{Address: address, Path: path, SignIn: path + "&sign_in=1"}, 1)
		require.NoError(t, err)
		buf := make([]byte, answerBuffer)
		assert.Zero(t, testing.AllocsPerRun(200, func() {
			require.NoError(t, crowd.clients[0].ask(buf, nil))
		}), "%s bytes", body)
		crowd.Close()
	}
}

// TestAPacedCrowdKeepsItsRate: it asks when it is due and not before.
func TestAPacedCrowdKeepsItsRate(t *testing.T) {
	s := serve(t, func(int, int) (string, bool) { return ok(""), false })
	crowd, err := Gather(t.Context(), Target{Address: s.address, Path: "/x", SignIn: "/x?sign_in=1"}, 4)
	require.NoError(t, err)
	defer crowd.Close()
	shift := crowd.BeginPaced(t.Context(), false, 200)
	time.Sleep(200 * time.Millisecond) // the length of the shift
	window, err := shift.End()
	require.NoError(t, err)
	due := 200 * window.Elapsed.Seconds()
	require.InDelta(t, due, float64(window.Requests), 4+0.05*due, "one more or less for each client")
}

// TestWhatIsLateCountsFromWhenItWasDue: a server that stalls for one request makes
// those late that were due meanwhile.
func TestWhatIsLateCountsFromWhenItWasDue(t *testing.T) {
	s := serve(t, func(_, request int) (string, bool) {
		if request == 5 {
			time.Sleep(100 * time.Millisecond) // the stall that is measured
		}
		return ok(""), false
	})
	crowd, err := Gather(t.Context(), Target{Address: s.address, Path: "/x", SignIn: "/x?sign_in=1"}, 1)
	require.NoError(t, err)
	defer crowd.Close()
	shift := crowd.BeginPaced(t.Context(), false, 200)
	time.Sleep(200 * time.Millisecond) // the length of the shift
	window, err := shift.End()
	require.NoError(t, err)
	late := 0
	for _, bar := range window.Latencies.Distribution() {
		if bar.From >= 20_000 {
			late += int(bar.Count)
		}
	}
	require.Greater(t, late, 5, "a closed loop would have seen one")
}
