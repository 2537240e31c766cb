//go:build unix

package sock

import (
	"errors"
	"net"
	"syscall"
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
