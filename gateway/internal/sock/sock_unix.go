//go:build unix

package sock

import (
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// Look tells the state of a TCP connection. It never blocks and is safe beside a
// concurrent read: Control takes no read lock.
func Look(conn net.Conn) State {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return Unknown
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return Closed
	}
	state := Unknown
	err = raw.Control(func(fd uintptr) { state = peek(int(fd)) })
	if err != nil {
		return Closed
	}
	return state
}

// CanAwait tells whether Await can wait for the connection.
func CanAwait(conn net.Conn) bool {
	_, ok := conn.(syscall.Conn)
	return ok
}

// Await waits until the peer of a connection has sent something or closed its side,
// or until the deadline, and reads nothing. It takes no buffer to wait with. Quiet
// is the answer when nothing has come in time, Closed also when the connection was
// closed on this side. It moves the connection's read deadline.
func Await(conn net.Conn, deadline time.Time) State {
	c, ok := conn.(syscall.Conn)
	if !ok {
		return Unknown
	}
	raw, err := c.SyscallConn()
	if err != nil || conn.SetReadDeadline(deadline) != nil {
		return Closed
	}
	state := Quiet
	err = raw.Read(func(fd uintptr) bool {
		state = peek(int(fd))
		return state != Quiet
	})
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return Closed
	}
	return state
}

func peek(fd int) State {
	var b [1]byte
	for {
		n, _, err := syscall.Recvfrom(fd, b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case errors.Is(err, syscall.EAGAIN):
			return Quiet
		case err != nil || n == 0:
			return Closed
		default:
			return Data
		}
	}
}
