package outboxbench

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"banyan.dev/platform/broker"
)

// What a process can be asked to measure.
const (
	MeasuringLatency = "latency"
	MeasuringDrain   = "drain"
	MeasuringIdle    = "idle"
	MeasuringApplied = "applied"
	// working is the process that relays or applies, of whoever measures.
	working = "work"
)

// Task is what a process is told: one line of JSON on its standard input, since the
// database's URL has a password.
type Task struct {
	What    string        `json:"what"`
	Subject string        `json:"subject"`
	URL     string        `json:"url"`
	Kafka   []string      `json:"kafka"`
	Topic   broker.Topic  `json:"topic"`
	Rate    int           `json:"rate,omitempty"`   // latency
	For     time.Duration `json:"for,omitempty"`    // latency and idle
	Events  int           `json:"events,omitempty"` // drain and applied
}

// Result is what it answers.
type Result struct {
	Latency *Latency `json:"latency,omitempty"`
	Drain   *Drain   `json:"drain,omitempty"`
	Applied *Applied `json:"applied,omitempty"`
	// Worked is the processor time that the relay's or inbox's process took, from when
	// it began to its end.
	Worked time.Duration `json:"worked"`
}

// Line is a line of the answer: that the relay or inbox begins or has ended, and in
// the end the result.
type Line struct {
	Mark   string  `json:"mark,omitempty"`
	Result *Result `json:"result,omitempty"`
}

// The marks.
const (
	Begins = "begins"
	Ended  = "ended"
)

// Process is a program that can be measured.
type Process struct {
	// Self starts the program again: the relay or inbox is a process of its own.
	Self []string
	// Open makes what it can measure.
	Open Opener
}

// Serve reads a Task from in, does it, and writes Lines to out. It ends early when in
// does: whoever asked is gone then, and nothing must stay behind.
func (p Process) Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	lines := bufio.NewReader(in)
	var t Task
	if err := readLine(lines, &t); err != nil {
		return fmt.Errorf("read the task: %w", err)
	}
	place, err := Open(ctx, t.URL, t.Kafka, t.Topic)
	if err != nil {
		return err
	}
	subject, err := p.Open(t.Subject, place)
	if err == nil {
		if t.What == working {
			err = work(ctx, stop, subject, lines, out)
		} else {
			go until(lines, stop)
			err = p.measure(ctx, place, subject, t, out)
		}
	}
	return errors.Join(err, place.Close())
}

func readLine(lines *bufio.Reader, into any) error {
	line, err := lines.ReadBytes('\n')
	if err != nil {
		return err
	}
	return json.Unmarshal(line, into)
}

// until calls stop when nothing more can be read.
func until(lines io.Reader, stop func()) {
	_, _ = io.Copy(io.Discard, lines) // its end is all it says
	stop()
}

// ready is what the process that relays says when it can begin; in the end it says how
// much processor time it took since.
const ready = "ready"

// work says that it is ready, and relays from the next line until there are no more.
func work(ctx context.Context, stop func(), s Subject, lines *bufio.Reader, out io.Writer) error {
	if _, err := fmt.Fprintln(out, ready); err != nil {
		return fmt.Errorf("say that it is ready: %w", err)
	}
	if _, err := lines.ReadString('\n'); err != nil {
		return nil // not needed any more
	}
	go until(lines, stop)
	before := processorTime()
	if err := s.Relay(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	if _, err := fmt.Fprintln(out, int64(processorTime()-before)); err != nil {
		return fmt.Errorf("say what it took: %w", err)
	}
	return nil
}

// processorTime is what this process took so far, user and system.
func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // it can only be asked wrongly
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (p Process) measure(ctx context.Context, place Place, s Subject, t Task, out io.Writer) error {
	if err := s.Prepare(ctx); err != nil {
		return fmt.Errorf("prepare %s: %w", s.Name, err)
	}
	relays := t
	relays.What = working
	w, err := startWorker(ctx, p.Self, relays)
	if err != nil {
		return err
	}
	defer w.stop()
	to := json.NewEncoder(out)
	s.Relay = func(ctx context.Context) error {
		return errors.Join(to.Encode(Line{Mark: Begins}), w.work(ctx), to.Encode(Line{Mark: Ended}))
	}
	var r Result
	switch t.What {
	case MeasuringLatency:
		r.Latency, err = got(MeasureLatency(ctx, place, s, t.Rate, t.For))
	case MeasuringDrain:
		r.Drain, err = got(MeasureDrain(ctx, place, s, t.Events))
	case MeasuringIdle:
		err = MeasureIdle(ctx, s, t.For)
	case MeasuringApplied:
		r.Applied, err = got(MeasureApplied(ctx, place, s, t.Events))
	default:
		err = fmt.Errorf("%q can't be measured: use %s, %s, %s or %s", t.What, MeasuringLatency, MeasuringDrain, MeasuringIdle, MeasuringApplied)
	}
	if err != nil {
		return err
	}
	if r.Worked, err = w.worked(); err != nil {
		return err
	}
	return to.Encode(Line{Result: &r})
}

func got[T any](value T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return &value, nil
}
