//go:build !unix

package sock

import (
	"net"
	"time"
)

// Look can't ask here; a write finds out later.
func Look(net.Conn) State { return Unknown }

// CanAwait is false: Await can't wait here.
func CanAwait(net.Conn) bool { return false }

// Await can't wait here.
func Await(net.Conn, time.Time) State { return Unknown }
