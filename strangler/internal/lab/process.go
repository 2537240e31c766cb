package lab

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"strings"
)

// process is a writer or a relay that runs.
type process struct {
	cmd   *exec.Cmd
	in    io.WriteCloser // its end ends the process
	url   string
	said  bytes.Buffer // on standard error, to be read when it has ended
	ended chan struct{}
}

// begin starts a process and waits until it is ready.
func begin(ctx context.Context, self []string, t task) (*process, error) {
	p := &process{cmd: exec.Command(self[0], self[1:]...), ended: make(chan struct{})}
	p.cmd.Stderr = &p.said
	var err error
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("make a pipe to a %s: %w", t.Kind, err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("make a pipe from a %s: %w", t.Kind, err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a %s: %w", t.Kind, err)
	}
	cut := context.AfterFunc(ctx, p.kill)
	defer cut()
	told := json.NewEncoder(p.in).Encode(t)
	line, err := bufio.NewReader(out).ReadString('\n')
	go p.reap()
	if told != nil || err != nil {
		p.kill()
		<-p.ended
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("a %s did not get ready: %s", t.Kind, strings.TrimSpace(p.said.String()))
	}
	p.url = strings.TrimSpace(line)
	return p, nil
}

func (p *process) reap() {
	_ = p.cmd.Wait() // how it ended is known: it was killed
	close(p.ended)
}

// kill is SIGKILL: the process gets no chance to end anything.
func (p *process) kill() { _ = p.cmd.Process.Kill() } // it may have ended

// end kills it and waits.
func (p *process) end() {
	p.kill()
	<-p.ended
	_ = p.in.Close()
}
