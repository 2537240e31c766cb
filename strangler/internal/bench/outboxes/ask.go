package outboxes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"time"

	"banyan.dev/platform/outbox/outboxbench"
)

// answer is what a process measured, with what it could not know.
type answer struct {
	outboxbench.Result
	// database is the seconds of processor time that PostgreSQL took while the relay
	// or inbox was at work, 0 when that can't be seen.
	database float64
}

// endWithin is how long a process that is no longer wanted may take to end: longer
// than it waits for its own relay.
const endWithin = time.Minute

// ask lets the program measure. When ctx ends, the program does.
func ask(ctx context.Context, program []string, t outboxbench.Task, database func() float64) (answer, error) {
	cmd := exec.Command(program[0], program[1:]...)
	var words bytes.Buffer
	cmd.Stderr = &words
	in, err := cmd.StdinPipe()
	if err != nil {
		return answer{}, fmt.Errorf("make a pipe: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return answer{}, fmt.Errorf("make a pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return answer{}, fmt.Errorf("start %s: %w", program[0], err)
	}
	stop := context.AfterFunc(ctx, func() { dismiss(in, cmd) })
	defer stop()
	told := json.NewEncoder(in).Encode(t)
	a, err := read(out, database)
	_ = in.Close() // its end is what it waits for, if it has not ended
	err = errors.Join(told, err, cmd.Wait())
	if ctx.Err() != nil {
		return answer{}, ctx.Err() // what an interruption broke is no news
	}
	if err != nil {
		return answer{}, fmt.Errorf("%w: %s", err, strings.TrimSpace(words.String()))
	}
	return a, nil
}

// dismiss ends the process by ending its input, and kills it when it does not mind.
func dismiss(in io.Closer, cmd *exec.Cmd) {
	_ = in.Close()
	time.AfterFunc(endWithin, func() { _ = cmd.Process.Kill() }) // an error says that it has ended
}

// read reads the lines of an answer up to the result.
func read(out io.Reader, database func() float64) (answer, error) {
	var a answer
	from := json.NewDecoder(out)
	began := 0.0
	for {
		var line outboxbench.Line
		if err := from.Decode(&line); err != nil {
			return a, fmt.Errorf("read what was measured: %w", err)
		}
		switch line.Mark {
		case outboxbench.Begins:
			began = database()
		case outboxbench.Ended:
			a.database = database() - began
		}
		if line.Result != nil {
			a.Result = *line.Result
			return a, nil
		}
	}
}
