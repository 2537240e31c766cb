package shadow_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"banyan.dev/gateway/internal/config"
	"banyan.dev/gateway/internal/shadow"
	"banyan.dev/gateway/internal/upstream"
)

func BenchmarkSample(b *testing.B) {
	engine := shadow.New()
	method := []byte("GET")
	for name, share := range map[string]int{"none": 0, "one in ten": config.WholeShare / 10} {
		b.Run(name, func(b *testing.B) {
			p := policy()
			p.Sample = share
			route := engine.Open(name, p, nobody{}, nobody{})
			b.ReportAllocs()
			for b.Loop() {
				if c := route.Sample(method); c != nil {
					c.Abandon()
				}
			}
		})
	}
	b.Run("no shadow", func(b *testing.B) {
		var route *shadow.Route
		for b.Loop() {
			if route.Sample(method) != nil {
				b.Fatal("a copy without a shadow")
			}
		}
	})
}

// benchRoute has an owner that does next to nothing: what is measured is the copy.
func benchRoute(b *testing.B, answer string) *shadow.Route {
	engine, registry := shadow.New(), upstream.NewRegistry(net.DefaultResolver, slog.New(slog.DiscardHandler))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	text := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(answer), answer)
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { serve(conn, text) })
		}
	})
	b.Cleanup(func() {
		_ = engine.Close(context.Background())
		registry.Close()
		listener.Close()
		serving.Wait()
	})
	o := fixed{registry.Open(config.Owner{
		Name: "bench", Replicas: []config.Replica{{Name: "r1", URL: &url.URL{Scheme: "http", Host: listener.Addr().String()}}},
		Health: config.Health{Path: "/livez", Interval: time.Hour, Timeout: wait},
	})}
	return engine.Open("bench", policy(), o, o)
}

func serve(conn net.Conn, text []byte) {
	defer conn.Close()
	head := make([]byte, 4096)
	for {
		if _, err := conn.Read(head); err != nil {
			return
		}
		if _, err := conn.Write(text); err != nil {
			return
		}
	}
}

const small = `{"id":1,"title":"Hello","tags":["a","b"],"body":"Lorem ipsum dolor sit amet, consectetur adipisici elit"}`

// BenchmarkFill is what a copied request costs the data plane, without handing the
// copy over.
func BenchmarkFill(b *testing.B) {
	route := shadow.New().Open("fill", policy(), nobody{}, nobody{})
	request := []byte(head("GET", "/api/v1/posts/1", "User-Agent: bench", "Accept: */*", "Cookie: session=abc"))
	method, contentType, jsonType, text := []byte("GET"), []byte("Content-Type"), []byte("application/json"), []byte(small)
	b.ReportAllocs()
	for b.Loop() {
		c := route.Sample(method)
		c.Request(request)
		c.Answer(200, nil)
		c.Header(contentType, jsonType)
		c.Body(text)
		c.Abandon()
	}
}

// BenchmarkCopy is a whole copy, its owner and the way there included.
func BenchmarkCopy(b *testing.B) {
	for name, answer := range map[string]string{"same bytes": small, "same value": small + " "} {
		b.Run(name, func(b *testing.B) {
			route := benchRoute(b, answer)
			request := []byte(head("GET", "/api/v1/posts/1", "User-Agent: bench", "Accept: */*", "Cookie: session=abc"))
			method, contentType, jsonType, text := []byte("GET"), []byte("Content-Type"), []byte("application/json"), []byte(small)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				c := route.Sample(method)
				for c == nil {
					time.Sleep(10 * time.Microsecond)
					c = route.Sample(method)
				}
				c.Request(request)
				c.Answer(200, nil)
				c.Header(contentType, jsonType)
				c.Body(text)
				c.Submit()
			}
			for route.Figures().Pending > 0 {
				time.Sleep(10 * time.Microsecond)
			}
			b.StopTimer()
			if f := route.Figures(); f.Matched != f.Sent {
				b.Fatalf("%+v %+v", f, f.LastFailure)
			}
		})
	}
}
