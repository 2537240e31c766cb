package resilience

import "net/netip"

// AddressKey appends what a client is told by when it is told by its address: all
// of an IPv4 address, the first 64 bits of an IPv6 one, since a subscriber gets a
// /64 at least and can use every address in it (RFC 6177). An IPv4 address within
// IPv6 is IPv4. It appends nothing for the zero Addr.
func AddressKey(dst []byte, addr netip.Addr) []byte {
	if !addr.IsValid() {
		return dst
	}
	if addr = addr.Unmap(); addr.Is4() {
		a := addr.As4()
		return append(dst, a[:]...)
	}
	a := addr.As16()
	return append(dst, a[:8]...)
}
