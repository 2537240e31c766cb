package wire

import "net"

// perSource is how many clients share one address.
const perSource = 8000

// source is nil for the first clients: the system chooses.
func source(number int) net.Addr {
	if number < perSource {
		return nil
	}
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(1+number/perSource%250))}
}
