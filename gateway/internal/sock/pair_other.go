//go:build !unix

package sock

import (
	"errors"
	"net"
)

// Pair is not to be had here.
func Pair() (a, b net.Conn, err error) {
	return nil, nil, errors.New("socketpair: this system has none")
}
