package outboxbench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// stopWithin is how long a worker may take to end when it is told to.
const stopWithin = 45 * time.Second

// worker is the process that relays or applies.
type worker struct {
	name  string
	cmd   *exec.Cmd
	in    io.WriteCloser // its end ends the process
	said  bytes.Buffer   // on standard error
	took  []byte         // the processor time that it says in the end
	ended chan struct{}
	once  sync.Once
}

// startWorker starts the process and waits until it is ready to begin.
func startWorker(ctx context.Context, self []string, t Task) (*worker, error) {
	w := &worker{name: t.Subject, ended: make(chan struct{}), cmd: exec.Command(self[0], self[1:]...)}
	w.cmd.Stderr = &w.said
	var err error
	if w.in, err = w.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("make a pipe to %s: %w", w.name, err)
	}
	out, err := w.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe from %s: %w", w.name, err)
	}
	if err := w.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start the process of %s: %w", w.name, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = w.cmd.Process.Kill() }) // while it is not ready
	told := json.NewEncoder(w.in).Encode(t)
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	go w.reap(lines)
	if !stop() {
		err = errors.Join(ctx.Err(), err)
	}
	if err := errors.Join(told, err); err != nil {
		w.stop()
		return nil, fmt.Errorf("the process of %s did not get ready (%w): %s", w.name, err, w.words())
	}
	if line != ready+"\n" {
		w.stop()
		return nil, fmt.Errorf("the process of %s says %q where %q was expected", w.name, line, ready)
	}
	return w, nil
}

// reap waits for the process's end.
func (w *worker) reap(out io.Reader) {
	w.took, _ = io.ReadAll(out) // a process that breaks says nothing
	_ = w.cmd.Wait()            // how it ended is in its state
	close(w.ended)
}

// work lets it begin, and ends it when ctx ends. An error is that it ended by itself,
// or badly, with its words.
func (w *worker) work(ctx context.Context) error {
	if _, err := io.WriteString(w.in, "go\n"); err != nil {
		return fmt.Errorf("let %s begin: %w: %s", w.name, err, w.words())
	}
	select {
	case <-w.ended:
		return fmt.Errorf("the process of %s ended by itself: %s", w.name, w.words())
	case <-ctx.Done():
	}
	w.stop()
	if !w.cmd.ProcessState.Success() {
		return fmt.Errorf("the process of %s ended with %v: %s", w.name, w.cmd.ProcessState, w.words())
	}
	return nil
}

// stop ends the process, and kills it when it does not. It may be called again.
func (w *worker) stop() {
	w.once.Do(func() {
		_ = w.in.Close() // it may have ended
		select {
		case <-w.ended:
		case <-time.After(stopWithin):
			_ = w.cmd.Process.Kill()
		}
	})
	<-w.ended
}

// worked is the processor time it took, once it has ended.
func (w *worker) worked() (time.Duration, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(string(w.took)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("the process of %s says %q where its processor time was expected", w.name, w.took)
	}
	return time.Duration(n), nil
}

// words is what it said, once it has ended.
func (w *worker) words() string {
	<-w.ended
	if said := strings.TrimSpace(w.said.String()); said != "" {
		return said
	}
	return "(it wrote nothing)"
}
