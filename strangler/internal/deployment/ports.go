package deployment

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"syscall"
)

// Ports are taken from below the range from which the system takes the local ends
// of connections (ip_local_port_range begins at 32768, on macOS at 49152). A
// replica that was killed must find its port free again, and under load some
// connection would sit on it.
const (
	lowestPort  = 20000
	highestPort = 31999
)

func (r *Run) newPort() (int, error) {
	taken := map[int]bool{}
	for _, p := range r.state.Ports {
		taken[p.Public], taken[p.Admin] = true, true
	}
	for range 1000 {
		port := lowestPort + rand.IntN(highestPort-lowestPort+1)
		if !taken[port] && free(port) == nil {
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port on 127.0.0.1 between %d and %d", lowestPort, highestPort)
}

func free(port int) error {
	// A process forked meanwhile would hold the listener for a moment longer than we do.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return l.Close()
}

// ports of a replica are chosen once and kept, so that peers and the gateway find
// it at the same address after a restart.
func (r *Run) ports(name string) (Ports, error) {
	if p, ok := r.state.Ports[name]; ok {
		return p, nil
	}
	public, err := r.newPort()
	if err != nil {
		return Ports{}, err
	}
	r.state.Ports[name] = Ports{Public: public}
	admin, err := r.newPort()
	if err != nil {
		return Ports{}, err
	}
	p := Ports{Public: public, Admin: admin}
	r.state.Ports[name] = p
	return p, nil
}

func loopback(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
