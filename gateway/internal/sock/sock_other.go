//go:build !unix

package sock

import (
	"net"
	"time"
)

// Look can't ask here; a write finds out later.
func Look(net.Conn) State { return Unknown }

// CanAwait tells whether Await waits here.
const CanAwait = false

// Await can't wait here.
func Await(net.Conn, time.Time) State { return Unknown }
