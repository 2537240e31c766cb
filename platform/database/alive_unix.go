//go:build unix

package database

import (
	"context"
	"errors"
	"net"
	"syscall"

	"github.com/jackc/pgx/v5/stdlib"
)

// doubtful tells whether a connection must be asked with a round trip before it is
// used again. An idle connection has nothing to say; when its socket can be read,
// the server has closed it, or said that it will. Looking costs one system call and
// no round trip. The idea is that of go-sql-driver/mysql's connCheck:
// https://github.blog/engineering/three-bugs-in-the-go-mysql-driver/
func doubtful(_ context.Context, p stdlib.ShouldPingParams) bool {
	conn := p.Conn.PgConn().Conn()
	if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = t.NetConn() // under TLS
	}
	s, ok := conn.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return true
	}
	var peeked error
	// Control and not Read, which would wait for whoever reads the socket already:
	// after a large statement pgx leaves a reader there until the next answer.
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		_, _, peeked = syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	})
	silent := errors.Is(peeked, syscall.EAGAIN) || errors.Is(peeked, syscall.EWOULDBLOCK)
	return err != nil || !silent
}
