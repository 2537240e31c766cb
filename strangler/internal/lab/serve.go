package lab

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/outbox"
	"banyan.dev/platform/ownership"
	"banyan.dev/strangler/internal/lab/notes"
)

// Command is the hidden command's name, below Parent.
const (
	Parent  = "lab"
	Command = "internal-process"
)

// The kinds of processes.
const (
	writing  = "writer"
	relaying = "relay"
)

// task is what a process is told: one line of JSON on its standard input, since a
// database's URL has a password.
type task struct {
	Kind  string       `json:"kind"`
	Here  notes.Config `json:"here"`
	Other notes.Config `json:"other"` // of writers that write both
	After after        `json:"after"`
	Kafka string       `json:"kafka"`
}

// Serve is a writer or a relay: it reads its task from in, says on out where it
// listens, and works until ctx or in ends. Whoever started it holds the other end of
// in, so that it does not outlive them.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	lines := bufio.NewReader(in)
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("read the task: %w", err)
	}
	var t task
	if err := json.Unmarshal(line, &t); err != nil {
		return fmt.Errorf("read the task: %w", err)
	}
	go func() {
		_, _ = io.Copy(io.Discard, lines) // its end is all it says
		stop()
	}()
	serve, known := map[string]func(context.Context, task, *broker.Broker, io.Writer) error{writing: serveWriter, relaying: serveRelay}[t.Kind]
	if !known {
		return fmt.Errorf("%q is no process of the lab: use %s or %s", t.Kind, writing, relaying)
	}
	b, err := broker.New(broker.Config{Addrs: []string{t.Kafka}, RequestTimeout: time.Second})
	if err != nil {
		return err
	}
	defer b.Close()
	return serve(ctx, t, b, out)
}

func serveRelay(ctx context.Context, t task, b *broker.Broker, out io.Writer) error {
	relay, err := outbox.NewRelay(outbox.Config{
		URL: t.Here.URL, Topics: []broker.Topic{t.Here.Feed}, Publisher: b.Publisher(), Name: t.Here.Process, Poll: 50 * time.Millisecond,
	})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, "relay"); err != nil {
		return fmt.Errorf("say that it is ready: %w", err)
	}
	return relay.Run(ctx)
}

func serveWriter(ctx context.Context, t task, b *broker.Broker, out io.Writer) (err error) {
	w := &writer{after: t.After, topic: t.Other.Feed, publisher: b.Publisher()}
	if w.here, err = notes.Open(ctx, t.Here); err != nil {
		return err
	}
	defer w.here.Close()
	if t.Other.URL != "" {
		if w.other, err = notes.Open(ctx, t.Other); err != nil {
			return err
		}
		defer w.other.Close()
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: w, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)}
	defer context.AfterFunc(ctx, func() { _ = server.Close() })()
	if _, err := fmt.Fprintf(out, "http://%s/\n", l.Addr()); err != nil {
		return fmt.Errorf("say that it is ready: %w", err)
	}
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// writer answers writes.
type writer struct {
	here, other *notes.Store
	after       after
	topic       broker.Topic
	publisher   *broker.Publisher
}

func (w *writer) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	var asked notes.Write
	if err := json.NewDecoder(r.Body).Decode(&asked); err != nil {
		http.Error(out, err.Error(), http.StatusBadRequest)
		return
	}
	now, answer, repeated, err := w.here.Write(r.Context(), asked)
	if err == nil {
		err = w.then(r.Context(), asked, now, answer, repeated)
	}
	owner, _, elsewhere := ownership.Elsewhere(err)
	switch {
	case err == nil:
		out.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(out).Encode(answer) // a client that went away comes again
	case errors.Is(err, notes.ErrGone):
		http.Error(out, err.Error(), http.StatusNotFound)
	case elsewhere:
		out.Header().Set(ownerHeader, owner)
		http.Error(out, err.Error(), http.StatusMisdirectedRequest)
	default:
		http.Error(out, err.Error(), http.StatusServiceUnavailable)
	}
}

// ownerHeader names who may write instead, in an answer 421.
const ownerHeader = "Strangler-Owner"

// publishWithin is how long a request waits for the broker; then it is answered all
// the same, since its write is committed.
const publishWithin = 300 * time.Millisecond

// then is what the simple ways do when the write is committed here.
func (w *writer) then(ctx context.Context, asked notes.Write, now notes.Note, a notes.Answer, repeated bool) error {
	switch w.after {
	case writeOther, repairOther:
		if repeated && w.after == writeOther {
			return nil
		}
		asked.Note = a.Note
		_, _, _, err := w.other.Write(ctx, asked)
		if errors.Is(err, notes.ErrGone) {
			return nil // it is done here, and here is what counts so far
		}
		return err
	case publishDirectly:
		if repeated {
			return nil
		}
		m, err := notes.Message(w.topic, asked.Key, now)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, publishWithin)
		defer cancel()
		_ = w.publisher.Publish(ctx, []broker.Message{m}) // too late to say no: the write is committed
	}
	return nil
}
