package embedded

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
)

// Where FreePort looks: below the ports that systems give to outgoing connections
// and to listeners on port 0 (from 32768 on Linux, from 49152 elsewhere), which would
// take a port between the look and its use.
const (
	firstPort = 10000
	lastPort  = 31999
)

// FreePort returns a port on loopback that nobody listened on a moment ago, drawn at
// random so that processes that look at the same time find different ones.
func FreePort() (int, error) {
	// A process forked meanwhile would hold the listener for a moment longer than we do.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	var err error
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		var l net.Listener
		if l, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port))); err == nil {
			return port, l.Close()
		}
	}
	return 0, fmt.Errorf("find a free port from %d to %d: %w", firstPort, lastPort, err)
}
