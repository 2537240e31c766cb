package shadow_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/shadow"
	"banyan.dev/gateway/internal/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const wait = 20 * time.Second

// owner is an application behind real sockets, as the gateway knows it.
type owner struct {
	group *upstream.Group
	addr  string

	mu      sync.Mutex
	answer  http.HandlerFunc
	asked   []*http.Request
	entered chan struct{} // gets one for each request, if it is not nil
}

func (o *owner) Pick() *upstream.Replica {
	for _, r := range o.group.Replicas() {
		if r.Healthy() {
			return r
		}
	}
	return nil
}

func (o *owner) replica() *upstream.Replica { return o.group.Replicas()[0] }

func (o *owner) set(answer http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answer = answer
}

// requests are those it got, probes left out.
func (o *owner) requests() []*http.Request {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]*http.Request(nil), o.asked...)
}

func (o *owner) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/livez" {
		return
	}
	o.mu.Lock()
	o.asked = append(o.asked, r.Clone(context.WithoutCancel(r.Context())))
	answer := o.answer
	o.mu.Unlock()
	if o.entered != nil {
		o.entered <- struct{}{}
	}
	answer(w, r)
}

// body answers 200 with a text and headers as pairs.
func body(text string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
		fmt.Fprint(w, text)
	}
}

// rig is a baseline, a shadow, and the engine between them.
type rig struct {
	t                *testing.T
	registry         *upstream.Registry
	engine           *shadow.Engine
	route            *shadow.Route
	baseline, shadow *owner
}

// policy copies everything and compares JSON.
func policy(change ...func(*config.Shadow)) config.Shadow {
	p := config.Shadow{
		Owner: "comments", Sample: config.WholeShare, Queue: 64, Timeout: wait,
		Compare: config.Compare{Body: config.CompareJSON, MaxBody: 1 << 16, Headers: []string{"Content-Type"}},
	}
	for _, c := range change {
		c(&p)
	}
	return p
}

func newRig(t *testing.T, p config.Shadow) *rig {
	r := &rig{t: t, registry: upstream.NewRegistry(net.DefaultResolver, slog.New(slog.DiscardHandler)), engine: shadow.New()}
	t.Cleanup(r.registry.Close)
	r.baseline, r.shadow = r.owner("monolith"), r.owner("comments")
	t.Cleanup(func() { require.NoError(t, r.engine.Close(context.Background())) })
	r.open(p)
	return r
}

func (r *rig) open(p config.Shadow) { r.route = r.engine.Open("read", p, r.shadow, r.baseline) }

func (r *rig) owner(name string) *owner {
	o := &owner{answer: body(`{"id":1}`, "Content-Type", "application/json")}
	server := httptest.NewServer(o)
	r.t.Cleanup(server.Close)
	o.addr = server.Listener.Addr().String()
	o.group = r.group(name, o.addr)
	return o
}

func (r *rig) group(name, addr string) *upstream.Group {
	group := r.registry.Open(config.Owner{
		Name: name, Replicas: []config.Replica{{Name: "r1", URL: &url.URL{Scheme: "http", Host: addr}}},
		Health: config.Health{Path: "/livez", Interval: time.Hour, Timeout: wait},
	})
	r.t.Cleanup(group.Close)
	return group
}

// dead is an owner whose replica nobody is behind, and is known not to be.
func (r *rig) dead() fixed {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(r.t, err)
	require.NoError(r.t, listener.Close())
	dead := fixed{r.group("dead", listener.Addr().String())}
	require.Eventually(r.t, func() bool { return !dead.Pick().Healthy() }, wait, time.Millisecond)
	return dead
}

// speaks replaces the shadow's owner by a server that reads a request's head and
// then does what it likes with the connection.
func (r *rig) speaks(with func(net.Conn)) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(r.t, err)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					with(conn)
				}
			})
		}
	})
	r.t.Cleanup(func() {
		listener.Close()
		serving.Wait()
	})
	r.shadow = &owner{group: r.group("raw", listener.Addr().String())}
	r.open(policy(func(p *config.Shadow) { p.Timeout = wait }))
}

// head is a request as the gateway sends it to the baseline.
func head(method, target string, lines ...string) string {
	text := method + " " + target + " HTTP/1.1\r\nHost: example.org\r\n"
	for _, line := range lines {
		text += line + "\r\n"
	}
	return text + "X-Request-Id: abc-1\r\n\r\n"
}

// client is what the data plane does for one request: it asks the baseline and
// feeds the copy. It returns the copy, not yet submitted.
func (r *rig) client(request string) *shadow.Copy {
	r.t.Helper()
	method := request[:len("GET")]
	if method == "HEA" {
		method = "HEAD"
	}
	c := r.route.Sample([]byte(method))
	conn, err := net.Dial("tcp", r.baseline.addr)
	require.NoError(r.t, err)
	defer conn.Close()
	c.Request([]byte(request))
	_, err = conn.Write([]byte(request))
	require.NoError(r.t, err)
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	require.NoError(r.t, err)
	defer res.Body.Close()
	c.Answer(res.StatusCode, r.baseline.replica())
	for name, values := range res.Header {
		for _, v := range values {
			c.Header([]byte(name), []byte(v))
		}
	}
	piece := make([]byte, 1000)
	for {
		n, err := res.Body.Read(piece)
		c.Body(piece[:n])
		if err != nil {
			return c
		}
	}
}

// send sends one request whole.
func (r *rig) send(request string) { r.client(request).Submit() }

// settle waits until no copy is pending, and holds the counts against each other.
func (r *rig) settle() shadow.Figures {
	r.t.Helper()
	require.Eventually(r.t, func() bool { return r.route.Figures().Pending == 0 }, wait, time.Millisecond)
	return r.route.Figures()
}

// one sends a request and returns the only mismatch that comes of it.
func (r *rig) one(request string) shadow.Mismatch {
	r.t.Helper()
	r.send(request)
	f := r.settle()
	require.Equal(r.t, uint64(1), f.Mismatched, "%+v", f)
	list := r.route.Mismatches()
	require.Len(r.t, list, 1)
	return list[0]
}

// fixed gives its first replica, however it is.
type fixed struct{ group *upstream.Group }

func (f fixed) Pick() *upstream.Replica { return f.group.Replicas()[0] }

// nobody has no replica that takes requests.
type nobody struct{}

func (nobody) Pick() *upstream.Replica { return nil }
