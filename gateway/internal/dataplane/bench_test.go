package dataplane_test

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	benchRequest = "GET /api/v1/posts/1 HTTP/1.1\r\nHost: blog.example\r\nUser-Agent: bench\r\nAccept: */*\r\nCookie: banyan_session=abcdefghijklmnop; banyan_replica=0123456789ab\r\n\r\n"
	benchAnswer  = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nDate: Sat, 21 Nov 2026 07:35:17 GMT\r\nContent-Length: 26\r\n\r\n{\"id\":\"1\",\"title\":\"Hello\"}"
)

// benchOwner answers over sockets without allocating, so that what a benchmark
// counts is the proxy's.
func benchOwner(b *testing.B) string {
	answer := []byte(benchAnswer)
	return rawOwner(b, func(c net.Conn, r *bufio.Reader) {
		for {
			for {
				text, err := r.ReadSlice('\n')
				if err != nil {
					return
				}
				if len(text) == 2 {
					break
				}
			}
			if _, err := c.Write(answer); err != nil {
				return
			}
		}
	})
}

// roundTrips sends one request after another over a connection for each worker.
func roundTrips(b *testing.B, addr, request string) {
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			b.Error(err)
			return
		}
		defer conn.Close()
		r := bufio.NewReaderSize(conn, 8<<10)
		out := []byte(request)
		for pb.Next() {
			if _, err := conn.Write(out); err != nil {
				b.Error(err)
				return
			}
			if err := skipAnswer(r); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

// skipAnswer reads an answer whose body has 26 bytes.
func skipAnswer(r *bufio.Reader) error {
	first := true
	for {
		text, err := r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if first && !bytes.HasPrefix(text, []byte("HTTP/1.1 200")) {
			return http.ErrNotSupported
		}
		first = false
		if len(text) == 2 {
			_, err := r.Discard(26)
			return err
		}
	}
}

func BenchmarkGateway(b *testing.B) {
	r := newRig(b, oneOwner("", benchOwner(b)))
	b.ResetTimer()
	roundTrips(b, r.addr, benchRequest)
}

func BenchmarkGatewayWithAffinity(b *testing.B) {
	r := newRig(b, oneOwner("affinity: {session_cookie: banyan_session, home: r0}", benchOwner(b)))
	b.ResetTimer()
	roundTrips(b, r.addr, benchRequest)
}

// BenchmarkReverseProxy is net/http on both sides, tuned, for comparison.
func BenchmarkReverseProxy(b *testing.B) {
	target, err := url.Parse(benchOwner(b))
	require.NoError(b, err)
	transport := &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}
	b.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(target); p.Out.Host = p.In.Host; p.SetXForwarded() },
		Transport: transport,
	}
	s := httptest.NewServer(proxy)
	defer s.Close()
	b.ResetTimer()
	roundTrips(b, s.Listener.Addr().String(), benchRequest)
}
