package stand

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
)

// What the application knows of a request.
const (
	// Item is the path that clients ask for. "bytes" in the query is the length of
	// the answer's body; "sign_in" makes it set the session cookie.
	Item = "/api/v1/items/42"
	// SessionCookie is the application's.
	SessionCookie = "bench_session"
	// Down sends as many bytes as its query says, Up counts what it is sent, and
	// Counts tells the requests of each replica; all at Config.Streams.
	Down   = "/stream/down"
	Up     = "/stream/up"
	Counts = "/counts"
)

const (
	smallestBody = 64
	longestBody  = 8 << 20
	longestHead  = 8 << 10
)

type application struct {
	requests []padded
	answers  sync.Map // of body lengths to whole answers
	sessions atomic.Uint64
}

// padded keeps the counters of two replicas on two cache lines.
type padded struct {
	atomic.Uint64
	_ [56]byte
}

func newApplication(replicas int) *application {
	return &application{requests: make([]padded, replicas)}
}

// listen answers at one replica's address until ctx ends, and returns when the
// last connection has ended.
func (a *application) listen(ctx context.Context, address string, replica int) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("replica %d: %w", replica, err)
	}
	closing := context.AfterFunc(ctx, func() { _ = l.Close() })
	defer closing()
	var open sync.WaitGroup
	defer open.Wait()
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept at %s: %w", address, err)
		}
		open.Go(func() {
			stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer stop()
			defer conn.Close()
			a.talk(conn, &a.requests[replica].Uint64)
		})
	}
}

var (
	endOfHead = []byte("\r\n\r\n")
	bytesKey  = []byte("bytes=")
	signInKey = []byte("sign_in")
)

// talk answers one connection's requests, none of which has a body. It allocates
// nothing for a request of the same length as the one before.
func (a *application) talk(conn net.Conn, count *atomic.Uint64) {
	var (
		buf    = make([]byte, longestHead)
		filled int
		length = -1
		answer []byte
	)
	for {
		end := bytes.Index(buf[:filled], endOfHead)
		if end < 0 {
			n, err := conn.Read(buf[filled:])
			if n == 0 || err != nil { // gone, or the head is longer than the buffer
				return
			}
			filled += n
			continue
		}
		count.Add(1)
		line := buf[:max(0, bytes.IndexByte(buf[:end+1], '\r'))]
		if wanted := bodyLength(line); wanted != length {
			length, answer = wanted, a.answer(wanted)
		}
		reply := answer
		if bytes.Contains(line, signInKey) {
			reply = a.signIn(answer)
		}
		if _, err := conn.Write(reply); err != nil {
			return
		}
		filled = copy(buf, buf[end+len(endOfHead):filled])
	}
}

// bodyLength reads "bytes" of a request line's query; 1 KiB without one.
func bodyLength(line []byte) int {
	i := bytes.Index(line, bytesKey)
	if i < 0 {
		return 1 << 10
	}
	n := 0
	for _, c := range line[i+len(bytesKey):] {
		if c < '0' || c > '9' || n > longestBody {
			break
		}
		n = n*10 + int(c-'0')
	}
	return min(max(n, smallestBody), longestBody)
}

// answer is a whole 200 with a JSON body of so many bytes, built once.
func (a *application) answer(length int) []byte {
	if known, ok := a.answers.Load(length); ok {
		return known.([]byte)
	}
	body := Body(length)
	head := "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nCache-Control: no-store\r\nContent-Length: " +
		strconv.Itoa(len(body)) + "\r\n\r\n"
	built, _ := a.answers.LoadOrStore(length, append([]byte(head), body...))
	return built.([]byte)
}

func (a *application) signIn(answer []byte) []byte {
	cookie := fmt.Sprintf("\r\nSet-Cookie: %s=%032x; Path=/; HttpOnly; SameSite=Lax", SessionCookie, a.sessions.Add(1))
	i := bytes.Index(answer, endOfHead)
	return append(append(append([]byte{}, answer[:i]...), cookie...), answer[i:]...)
}

// Body is JSON of so many bytes, at least 64: a list of small items, as an API
// answers it, and what is missing in one text.
func Body(length int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"items":[`)
	for i := 0; ; i++ {
		item := fmt.Sprintf(`{"id":%d,"title":"Item number %d","score":%d.5,"tags":["a","b"],"draft":false},`, i, i, i%10)
		if b.Len()+len(item)+smallestBody > length {
			break
		}
		b.WriteString(item)
	}
	b.WriteString(`{"id":-1}],"text":"`)
	const end = `"}`
	for b.Len()+len(end) < max(length, smallestBody) {
		b.WriteByte('x')
	}
	b.WriteString(end)
	return b.Bytes()
}

// streams is the part that has bodies of any length, and the counts.
func (a *application) streams() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Down, func(w http.ResponseWriter, r *http.Request) {
		length, err := strconv.ParseInt(r.URL.Query().Get("bytes"), 10, 64)
		if err != nil || length < 0 {
			http.Error(w, "bytes must be a number of at least 0", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Length", strconv.FormatInt(length, 10))
		w.Header().Set("Content-Type", "application/octet-stream")
		_, _ = io.CopyN(w, zeros{}, length) // a client that goes away is its own affair
	})
	mux.HandleFunc("POST "+Up, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			return
		}
		_ = json.NewEncoder(w).Encode(n)
	})
	mux.HandleFunc("GET "+Counts, func(w http.ResponseWriter, _ *http.Request) {
		counts := make([]uint64, len(a.requests))
		for i := range counts {
			counts[i] = a.requests[i].Load()
		}
		_ = json.NewEncoder(w).Encode(counts)
	})
	mux.HandleFunc("GET /livez", func(http.ResponseWriter, *http.Request) {})
	return mux
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
