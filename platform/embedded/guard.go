package embedded

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
)

// guard ends a server when the process that started it is gone, however it went:
// it waits for the end of a pipe whose other end only that process holds.
//
// The kernel's own means (Pdeathsig) exists on Linux only and follows the thread
// that started the child rather than the process, which in Go is a trap. The
// pipe has neither fault, and the guard can also remove a throwaway folder.
type guard struct {
	process *os.Process
	hold    *os.File
}

// guardScript reads until the pipe's end, then ends the server ($1), but only if
// its pid file ($2) still names it: a pid may have been given to another process
// since. Then it removes the throwaway folder ($3), if there is one.
const guardScript = `read -r _
if [ "$(head -n 1 "$2" 2>/dev/null)" = "$1" ]; then
  kill -QUIT "$1" 2>/dev/null
  n=0
  while kill -0 "$1" 2>/dev/null && [ $n -lt 50 ]; do sleep 0.1; n=$((n+1)); done
fi
[ -n "$3" ] && rm -rf "$3"
exit 0`

func startGuard(pid int, pidFile, remove string) (*guard, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make the guard's pipe: %w", err)
	}
	defer r.Close()
	cmd := exec.Command("/bin/sh", "-c", guardScript, "banyan-guard", strconv.Itoa(pid), pidFile, remove)
	cmd.Stdin = r
	cmd.Dir = "/"
	// A group of its own: Ctrl-C in the terminal must end us, and only then,
	// through the pipe, what we started.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		_ = w.Close()
		return nil, fmt.Errorf("start the guard: %w", err)
	}
	return &guard{process: cmd.Process, hold: w}, nil
}

// dismiss ends the guard after its server was stopped in an orderly way.
func (g *guard) dismiss() {
	_ = g.process.Kill()
	_, _ = g.process.Wait()
	_ = g.hold.Close()
}
