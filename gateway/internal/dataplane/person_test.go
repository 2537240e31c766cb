package dataplane_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/current/currenttest"
	"banyan.dev/platform/identity"
)

// knows is an owner that has sessions: of rita, of one that is renewed, of nobody, of
// one that names a service, and of one it can't tell about.
func knows(asked *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/internal/identity" {
			fmt.Fprintf(w, "monolith identity=%q", r.Header.Get(identity.Header))
			return
		}
		asked.Add(1)
		session := ""
		for _, c := range r.Cookies() {
			session = c.Value
		}
		switch session {
		case "renewed":
			http.SetCookie(w, &http.Cookie{Name: "banyan_session", Value: "rita", Path: "/", HttpOnly: true})
			fallthrough
		case "rita":
			fmt.Fprintf(w, `{"id": "7", "name": "Rita Ώ", "role": "reader", "more": 1}`)
		case "service":
			fmt.Fprint(w, `{"id": "comments", "role": "service"}`)
		case "garbage":
			fmt.Fprint(w, `<html>`)
		case "broken":
			w.WriteHeader(http.StatusInternalServerError)
		case "echo":
			fmt.Fprintf(w, `{"id": %q, "name": %q, "role": "reader"}`, r.Header.Get("Cookie"), r.Header.Get("X-Real-Ip")+" "+r.Header.Get("X-Request-Id")+" "+r.Host)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	}
}

// isTold is an owner that says what it was told.
func isTold(t testing.TB) http.HandlerFunc {
	keys, err := identity.NewKeys(currenttest.IdentityKey)
	require.NoError(t, err)
	return func(w http.ResponseWriter, r *http.Request) {
		sent := r.Header.Values(identity.Header)
		if len(sent) == 0 {
			fmt.Fprint(w, "comments nobody")
			return
		}
		who, err := keys.Verify(sent[0], time.Now())
		fmt.Fprintf(w, "comments %d %v %v", len(sent), who, err)
	}
}

const toldRoutes = `clients: {session_cookie: banyan_session}
identity: {owner: monolith, timeout: 5s}
owners:
  monolith: {health: {interval: 50ms}, replicas: [{name: m0, url: %q}]}
  comments: {health: {interval: 50ms}, identity: true, replicas: [{name: c0, url: %q}]}
routes:
  - {name: told, match: {path: "/c/*"}, owner: comments}
  - {name: rest, match: {path: "/*"}, owner: monolith}
`

func toldRig(t testing.TB) (*rig, *atomic.Int64) {
	var asked atomic.Int64
	return newRig(t, fmt.Sprintf(toldRoutes, owner(t, knows(&asked)).URL, owner(t, isTold(t)).URL)), &asked
}

func TestOwnersThatWantToAreToldWhoAsks(t *testing.T) {
	r, asked := toldRig(t)
	_, body := r.get(t, "/c/1", "Cookie", "a=b; banyan_session=rita")
	require.Equal(t, "comments 1 {7 Rita Ώ reader} <nil>", body)
	require.EqualValues(t, 1, asked.Load())

	_, body = r.get(t, "/c/1", "Cookie", "banyan_session=over")
	require.Equal(t, "comments nobody", body, "a session that is nobody's")
	_, body = r.get(t, "/c/1", "Cookie", "__Host-banyan_session=rita")
	require.Contains(t, body, "Rita")
	require.EqualValues(t, 3, asked.Load())

	_, body = r.get(t, "/c/1", "Cookie", "other=rita; banyan_session=")
	require.Equal(t, "comments nobody", body)
	_, body = r.get(t, "/c/1")
	require.Equal(t, "comments nobody", body)
	_, body = r.get(t, "/elsewhere", "Cookie", "banyan_session=rita")
	require.Equal(t, `monolith identity=""`, body, "who isn't told isn't asked about")
	require.EqualValues(t, 3, asked.Load(), "no cookie, no question")

	f := r.current.Lasting.Who.Figures()
	require.EqualValues(t, 2, f.Known)
	require.EqualValues(t, 1, f.Nobody)
	require.Zero(t, f.Failed)
}

func TestTheQuestionCarriesTheSessionAndNothingElseOfTheClients(t *testing.T) {
	r, _ := toldRig(t)
	_, body := r.get(t, "/c/1", "Cookie", "a=b; banyan_session=echo; c=d", "X-Request-Id", "abc", "Authorization", "Bearer x")
	require.Equal(t, fmt.Sprintf("comments 1 {banyan_session=echo 127.0.0.1 abc %s reader} <nil>", r.addr), body)
}

func TestASessionThatIsRenewedByTheQuestionIsTheClients(t *testing.T) {
	r, _ := toldRig(t)
	for range 2 {
		res, body := r.get(t, "/c/1", "Cookie", "banyan_session=renewed")
		require.Contains(t, body, "Rita")
		require.Equal(t, []string{"banyan_session=rita; Path=/; HttpOnly"}, res.Header.Values("Set-Cookie"))
	}
}

func TestWithoutAnAnswerNothingIsForwarded(t *testing.T) {
	r, _ := toldRig(t)
	for _, session := range []string{"service", "garbage", "broken"} {
		res, body := r.get(t, "/c/1", "Cookie", "banyan_session="+session)
		require.Equal(t, 503, res.StatusCode, session)
		require.Equal(t, "1", res.Header.Get("Retry-After"))
		require.Contains(t, body, "Who asks can't be found out")
	}
	require.EqualValues(t, 3, r.current.Lasting.Who.Figures().Failed)
	require.Contains(t, r.current.Lasting.Who.Figures().Last.Reason, "monolith/m0 answered 500")
	comments := r.current.Snapshot().Table.Owner("comments").Group.Replicas()[0]
	require.Zero(t, comments.Figures().Requests)
	require.EqualValues(t, 0, r.current.Snapshot().Table.Owner("comments").Guard.Figures(time.Now()).InFlight)
}

// Whatever an owner of sessions says on the wire is an answer or is none; the next
// question gets its own.
func TestAnswersAreReadAsTheyAreFramed(t *testing.T) {
	const rita = `{"id":"7","name":"Rita","role":"reader"}`
	length := func(text string) string { return "Content-Length: " + itoa(len(text)) + "\r\n\r\n" + text }
	for name, c := range map[string]struct {
		answer string
		known  bool
	}{
		"a length":            {"HTTP/1.1 200 OK\r\n" + length(rita), true},
		"chunks":              {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\nX-T: 1\r\n\r\n", len(rita), rita), true},
		"until it closes":     {"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + rita, true},
		"an interim before":   {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n" + length(rita), true},
		"too long":            {"HTTP/1.1 200 OK\r\n" + length(rita+strings.Repeat(" ", 9<<10)), false},
		"half":                {"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + rita, false},
		"nothing":             {"", false},
		"no HTTP":             {"hello\r\n\r\n", false},
		"a redirect":          {"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n", false},
		"another protocol":    {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", false},
		"nobody by its name":  {"HTTP/1.1 200 OK\r\n" + length(`{"id":"","name":"x","role":"reader"}`), false},
		"without a role":      {"HTTP/1.1 200 OK\r\n" + length(`{"id":"7","name":"x"}`), false},
		"two answers at once": {"HTTP/1.1 200 OK\r\n" + length(rita) + "HTTP/1.1 200 OK\r\n" + length(strings.Replace(rita, "7", "8", 1)), true},
	} {
		t.Run(name, func(t *testing.T) {
			url := rawOwner(t, func(conn net.Conn, r *bufio.Reader) {
				for {
					req, err := http.ReadRequest(r)
					if err != nil {
						return
					}
					_ = req.Body.Close()
					_, _ = io.WriteString(conn, c.answer)
					if !c.known || strings.Contains(c.answer, "close") {
						return
					}
				}
			})
			r := newRig(t, fmt.Sprintf(toldRoutes, url, owner(t, isTold(t)).URL))
			for range 3 {
				res, body := r.get(t, "/c/1", "Cookie", "banyan_session=x")
				if c.known {
					require.Equal(t, "comments 1 {7 Rita reader} <nil>", body)
				} else {
					require.Equal(t, 503, res.StatusCode, body)
				}
			}
		})
	}
}

func TestTheQuestionGoesToAnotherReplicaOnce(t *testing.T) {
	var asked atomic.Int64
	var busy atomic.Int64
	ill := owner(t, func(w http.ResponseWriter, _ *http.Request) {
		busy.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	well, gone := owner(t, knows(&asked)), owner(t, knows(&asked))
	gone.Close()
	text := fmt.Sprintf(toldRoutes, well.URL, owner(t, isTold(t)).URL)
	text = strings.Replace(text, "replicas: [{name: m0", fmt.Sprintf("replicas: [{name: gone, url: %q}, {name: ill, url: %q}, {name: m0", gone.URL, ill.URL), 1)
	r := newRig(t, text)
	for range 8 {
		res, body := r.get(t, "/c/1", "Cookie", "banyan_session=rita")
		require.Equal(t, 200, res.StatusCode, body)
	}
	require.EqualValues(t, 8, asked.Load())
	require.Positive(t, busy.Load(), "the balance chose the other one too")
}

func TestAnOwnerOfSessionsThatHangsIsGivenUp(t *testing.T) {
	proceed := make(chan struct{})
	hanging := owner(t, func(http.ResponseWriter, *http.Request) { <-proceed })
	t.Cleanup(func() { close(proceed) })
	r := newRig(t, strings.Replace(fmt.Sprintf(toldRoutes, hanging.URL, owner(t, isTold(t)).URL), "timeout: 5s", "timeout: 50ms", 1))
	res, _ := r.get(t, "/c/1", "Cookie", "banyan_session=rita")
	require.Equal(t, 503, res.StatusCode)
}

// Whatever is sent from outside, in whatever spelling and place: who is told hears only
// the gateway, and who isn't hears nothing.
func TestAnIdentityFromOutsideIsNeverBelieved(t *testing.T) {
	r, _ := toldRig(t)
	keys, err := identity.NewKeys(currenttest.IdentityKey)
	require.NoError(t, err)
	stolen, err := keys.Sign(identity.Service("comments"), time.Now(), time.Minute)
	require.NoError(t, err)
	for _, name := range []string{"Strangler-Identity", "strangler-identity", "STRANGLER-IDENTITY", "Strangler_Identity", "strangler_Identity", "Strangler-Owner", "Strangler-Epoch", "Strangler-X"} {
		line := name + ": " + stolen + "\r\n"
		for place, request := range map[string]string{
			"told":      "GET /c/1 HTTP/1.1\r\nHost: x\r\n" + line + "\r\n",
			"twice":     "GET /c/1 HTTP/1.1\r\nHost: x\r\n" + line + line + "\r\n",
			"named":     "GET /c/1 HTTP/1.1\r\nHost: x\r\nConnection: " + name + "\r\n" + line + "\r\n",
			"a trailer": "POST /c/1 HTTP/1.1\r\nHost: x\r\nTrailer: " + name + "\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + line + "\r\n",
		} {
			_, body := r.raw(t).ask(request)
			require.Equal(t, "comments nobody", body, "%s as %s", name, place)
		}
		_, body := r.raw(t).ask("GET /rest HTTP/1.1\r\nHost: x\r\n" + line + "\r\n")
		require.Equal(t, `monolith identity=""`, body)
		_, body = r.raw(t).ask("GET /c/1 HTTP/1.1\r\nHost: x\r\nConnection: Strangler-Identity, Cookie\r\nCookie: banyan_session=rita\r\n" + line + "\r\n")
		require.Equal(t, "comments 1 {7 Rita Ώ reader} <nil>", body, "the gateway's own can't be named away")
	}
}

// A client that goes away while it is found out who it is costs nobody anything.
func TestAClientThatLeavesDuringTheQuestionIsNotForwarded(t *testing.T) {
	var once sync.Once
	begun, proceed := make(chan struct{}), make(chan struct{})
	slow := owner(t, func(http.ResponseWriter, *http.Request) {
		once.Do(func() { close(begun) })
		<-proceed
	})
	t.Cleanup(func() { close(proceed) })
	r := newRig(t, fmt.Sprintf(toldRoutes, slow.URL, owner(t, isTold(t)).URL))
	c := r.raw(t)
	_, _ = io.WriteString(c, "GET /c/1 HTTP/1.1\r\nHost: x\r\nCookie: banyan_session=rita\r\n\r\n")
	<-begun
	require.NoError(t, c.Close())
	guard := r.current.Snapshot().Table.Owner("comments").Guard
	require.Eventually(t, func() bool { return guard.Figures(time.Now()).InFlight == 0 }, wait, time.Millisecond)
	require.Zero(t, r.current.Lasting.Who.Figures().Failed)
}

// A copy speaks for nobody unless the policy passes it; then the shadow is told as an
// owner is, whether the baseline was told or not.
func TestAShadowIsToldWhoAsksOnlyIfThePolicySaysSo(t *testing.T) {
	keys, err := identity.NewKeys(currenttest.IdentityKey)
	require.NoError(t, err)
	for name, c := range map[string]struct {
		told, pass, want string
	}{
		"nobody":       {"", "", ""},
		"the shadow":   {"", ", pass: {identity: true}", "Rita Ώ"},
		"the baseline": {"identity: true, ", "", ""},
		"both":         {"identity: true, ", ", pass: {identity: true}", "Rita Ώ"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int64
			copies := make(chan string, 4)
			service := owner(t, func(_ http.ResponseWriter, r *http.Request) {
				if r.Header.Get("X-Banyan-Shadow") == "" {
					return
				}
				who, err := keys.Verify(r.Header.Get(identity.Header), time.Now())
				if sent := r.Header.Values(identity.Header); len(sent) > 0 && (err != nil || len(sent) > 1) {
					t.Errorf("%v: %v", sent, err)
				}
				copies <- who.Name + r.Header.Get("Cookie")
			})
			baseline := owner(t, func(http.ResponseWriter, *http.Request) {})
			r := newRig(t, fmt.Sprintf(`clients: {session_cookie: banyan_session}
identity: {owner: monolith}
owners:
  monolith: {replicas: [{name: m0, url: %q}]}
  comments: {replicas: [{name: c0, url: %q}]}
  posts: {%s replicas: [{name: p0, url: %q}]}
routes: [{name: all, match: {path: "/*"}, owner: posts, shadow: {owner: comments, percent: 100%s, compare: {body: none}}}]
`, owner(t, knows(&asked)).URL, service.URL, c.told, baseline.URL, c.pass))
			for _, session := range []string{"banyan_session=rita", "banyan_session=over", "a=b"} {
				res, body := r.get(t, "/", "Cookie", session)
				require.Equal(t, 200, res.StatusCode, body)
				want := ""
				if session == "banyan_session=rita" {
					want = c.want
				}
				require.Equal(t, want, <-copies, session)
			}
			require.Eventually(t, func() bool { return r.shadow().Matched == 3 }, wait, time.Millisecond)
			if c.pass != "" || c.told != "" {
				require.EqualValues(t, 2, asked.Load(), "once for each session")
			} else {
				require.Zero(t, asked.Load())
			}
		})
	}
}

func TestACopyWhoseSenderIsNotKnownIsNotSent(t *testing.T) {
	var asked atomic.Int64
	var copies atomic.Int64
	service := owner(t, func(http.ResponseWriter, *http.Request) { copies.Add(1) })
	r := newRig(t, fmt.Sprintf(`clients: {session_cookie: banyan_session}
identity: {owner: monolith}
owners:
  monolith: {replicas: [{name: m0, url: %q}]}
  comments: {replicas: [{name: c0, url: %q}]}
routes: [{name: all, match: {path: "/*"}, owner: monolith, shadow: {owner: comments, percent: 100, pass: {identity: true}}}]
`, owner(t, knows(&asked)).URL, service.URL))
	res, _ := r.get(t, "/", "Cookie", "banyan_session=broken")
	require.Equal(t, 200, res.StatusCode, "no client waits for a shadow")
	require.Eventually(t, func() bool { return r.shadow().Skipped == 1 }, wait, time.Millisecond)
	require.Contains(t, r.shadow().LastSkip.Reason, "who asks can't be found out")
	require.Zero(t, copies.Load())
}
