//go:build unix

package sock

import (
	"fmt"
	"net"
	"os"
	"syscall"
)

// Pair returns the two ends of a connection within this process. Each is a socket
// of the operating system, so that deadlines, Look and the runtime's poller treat it
// as any other; nobody else can reach it.
func Pair() (a, b net.Conn, err error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("socketpair: %w", err)
	}
	if a, err = connOf(ends[0]); err != nil {
		_ = syscall.Close(ends[1])
		return nil, nil, err
	}
	if b, err = connOf(ends[1]); err != nil {
		_ = a.Close()
		return nil, nil, err
	}
	return a, b, nil
}

// connOf takes the descriptor over: it is closed with the connection, or at once.
func connOf(fd int) (net.Conn, error) {
	syscall.CloseOnExec(fd)
	f := os.NewFile(uintptr(fd), "pair")
	defer f.Close() // net.FileConn has its own copy
	c, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("net.FileConn: %w", err)
	}
	return c, nil
}
