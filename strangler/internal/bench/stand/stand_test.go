package stand

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/embedded"
)

// client leaves no connection behind.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

func address(t *testing.T) string {
	t.Helper()
	port, err := embedded.FreePort()
	require.NoError(t, err)
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// serve runs such a process inside of the test. end lets its starter die.
func serve(t *testing.T, c Config) (end func() error) {
	t.Helper()
	alive, starter := io.Pipe()
	served := make(chan error, 1)
	arguments := c.Arguments()
	go func() { served <- Serve(t.Context(), arguments[len(arguments)-1], alive) }()
	for _, a := range append(c.Listen, c.Streams) {
		if a == "" {
			continue
		}
		require.Eventually(t, func() bool {
			conn, err := net.Dial("tcp", a)
			if err != nil {
				return false
			}
			return conn.Close() == nil
		}, 20*time.Second, time.Millisecond)
	}
	return func() error {
		_ = starter.Close()
		return <-served
	}
}

func startApplication(t *testing.T) (c Config, end func() error) {
	t.Helper()
	c = Config{Kind: Application, Listen: []string{address(t), address(t)}, Streams: address(t)}
	return c, serve(t, c)
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	resp, err := client.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(body)
}

func TestABodyIsJSONOfTheLengthAskedFor(t *testing.T) {
	for _, length := range []int{64, 65, 100, 127, 200, 1 << 10, 10_000, 1 << 20} {
		body := Body(length)
		assert.Len(t, body, length)
		assert.True(t, json.Valid(body), "%s", body[:64])
	}
	assert.Len(t, Body(0), smallestBody)
}

func TestTheApplicationAnswersAndCounts(t *testing.T) {
	c, end := startApplication(t)
	resp, body := get(t, "http://"+c.Listen[1]+Item+"?bytes=300")
	assert.Equal(t, "application/json", resp.Header.Get("Content-Type"))
	assert.Len(t, body, 300)
	assert.Empty(t, resp.Cookies())
	_, body = get(t, "http://"+c.Listen[1]+"/livez")
	assert.Len(t, body, 1<<10)
	resp, body = get(t, "http://"+c.Listen[0]+Item+"?bytes=300&sign_in=1")
	assert.Len(t, body, 300)
	require.Len(t, resp.Cookies(), 1)
	assert.Equal(t, SessionCookie, resp.Cookies()[0].Name)

	_, body = get(t, "http://"+c.Streams+Counts)
	assert.JSONEq(t, `[1,2]`, body)
	require.NoError(t, end(), "it ends with who started it")
}

func TestHeadsMayComeInPiecesOrSeveralAtOnce(t *testing.T) {
	c, end := startApplication(t)
	defer func() { require.NoError(t, end()) }()
	conn, err := net.Dial("tcp", c.Listen[0])
	require.NoError(t, err)
	defer conn.Close()
	request := "GET " + Item + "?bytes=%d HTTP/1.1\r\nHost: x\r\n\r\n"
	text := fmt.Sprintf(request+request+request, 100, 200, 100)
	for _, piece := range []string{text[:5], text[5:40], text[40:]} {
		_, err := io.WriteString(conn, piece)
		require.NoError(t, err)
	}
	answers := bufio.NewReader(conn)
	for _, length := range []int{100, 200, 100} {
		resp, err := http.ReadResponse(answers, nil)
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		assert.Len(t, body, length)
	}
}

func TestTooLongAHeadEndsTheConnection(t *testing.T) {
	c, end := startApplication(t)
	defer func() { require.NoError(t, end()) }()
	conn, err := net.Dial("tcp", c.Listen[0])
	require.NoError(t, err)
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nX: "+strings.Repeat("x", longestHead))
	answer, _ := io.ReadAll(conn) // reset or closed
	assert.Empty(t, answer)
}

func TestLongBodiesGoBothWays(t *testing.T) {
	c, end := startApplication(t)
	defer func() { require.NoError(t, end()) }()
	_, body := get(t, "http://"+c.Streams+Down+"?bytes=300000")
	assert.Len(t, body, 300_000)
	resp, _ := get(t, "http://"+c.Streams+Down+"?bytes=-1")
	assert.Equal(t, http.StatusBadRequest, resp.StatusCode)
	up, err := client.Post("http://"+c.Streams+Up, "application/octet-stream", strings.NewReader(strings.Repeat("x", 300_000)))
	require.NoError(t, err)
	defer up.Body.Close()
	answer, err := io.ReadAll(up.Body)
	require.NoError(t, err)
	assert.Equal(t, "300000\n", string(answer))
}

func TestTheProxyForwardsAndEndsWithItsStarter(t *testing.T) {
	c, endApplication := startApplication(t)
	proxy := Config{Kind: ReverseProxy, Listen: []string{address(t)}, To: c.Listen[0], Keep: 8}
	end := serve(t, proxy)
	_, body := get(t, "http://"+proxy.Listen[0]+Item+"?bytes=500")
	assert.Len(t, body, 500)
	require.NoError(t, end())
	require.NoError(t, endApplication())
}

func TestWhatCantBeServedIsSaid(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for _, c := range []struct{ config, want string }{
		{`{`, "read the process's configuration"},
		{`{"kind":"cache"}`, `"cache" is no part of the benchmark: use application, reverseproxy or untuned`},
		{`{"kind":"application"}`, "listen is empty"},
		{`{"kind":"reverseproxy"}`, "listen names 0 addresses"},
		{`{"kind":"reverseproxy","listen":["127.0.0.1:0"]}`, `to "" is no address`},
		{`{"kind":"application","listen":["` + taken.Addr().String() + `"],"streams":"127.0.0.1:0"}`, "address already in use"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		require.ErrorContains(t, Serve(ctx, c.config, strings.NewReader("")), c.want)
		cancel()
	}
}
