package dataplane

import (
	"bytes"
	"net/netip"
	"unsafe"

	"banyan.dev/gateway/internal/policy"
)

// maxHops is how many addresses of X-Forwarded-For are read, from the right; what
// is further to the left is dropped. No real chain of proxies is as long.
const maxHops = 32

// EdgeHeader names the client to the data plane on connections within the process.
// From anybody else it is dropped, as all headers of its family.
const EdgeHeader = "X-Banyan-Edge"

// origin is where a request came from, as far as it is believed.
type origin struct {
	known bool
	// client is who asks: the peer, or behind trusted proxies the rightmost address
	// of X-Forwarded-For that is none of theirs.
	client netip.Addr
	// hops are the addresses of X-Forwarded-For that are passed on, from the right.
	hops  []netip.Addr
	https bool
	edge  netip.Addr // the peer, where package edge has the connection
	host  []byte     // as a trusted proxy forwards it
}

// clientAddr is who asks, without a zone. It is found out once for each request.
func (x *exchange) clientAddr() netip.Addr {
	if !x.head.from.known && x.client != nil {
		x.head.from.known = true
		peer := x.client.peer
		if x.client.inside {
			peer = x.head.edgePeer()
		}
		x.head.locateClient(peer, x.snapshot.Table.Config.Clients.TrustedProxies)
	}
	return x.head.from.client
}

// edgePeer is the peer of a connection that package edge has, as it says. Such a
// connection is TLS.
func (h *head) edgePeer() netip.Addr {
	h.from.https = true
	value := h.Value(EdgeHeader)
	if len(value) == 0 {
		return netip.Addr{}
	}
	peer, _ := parseHop(value)
	h.from.edge = peer
	return peer
}

// locateClient believes what the forwarded headers say as far as trusted proxies
// wrote it: each of them appended the address it was asked from, so the list is
// read from the right, and the first address that is not a trusted proxy's is the
// client's. What stands further left is the client's claim: it is passed on as such
// where it is addresses, and decides nothing.
func (h *head) locateClient(peer netip.Addr, trusted []netip.Prefix) {
	from := &h.from
	from.client = peer
	if !contains(trusted, peer) {
		return
	}
	found := false
	for i := len(h.lines) - 1; i >= 0; i-- {
		if h.lines[i].kind != policy.ForwardedFor {
			continue
		}
		if !from.walk(h.lines[i].value, trusted, &found) {
			break
		}
	}
	if proto, ok := h.only(policy.ForwardedProto); ok {
		from.https = bytes.EqualFold(proto, []byte("https"))
	}
	if host, ok := h.only(policy.ForwardedHost); ok && isHost(host) {
		from.host = host
	}
}

// walk reads one line of the list from the right. It is false where the list ends:
// at what is no address, which nobody trustworthy can have written.
func (o *origin) walk(list []byte, trusted []netip.Prefix, found *bool) bool {
	for len(list) > 0 {
		comma := bytes.LastIndexByte(list, ',')
		entry := trim(list[comma+1:])
		list = list[:max(comma, 0)]
		if len(entry) == 0 {
			continue
		}
		addr, ok := parseHop(entry)
		if !ok || len(o.hops) == maxHops {
			return false
		}
		o.hops = append(o.hops, addr)
		if !*found {
			o.client = addr
			*found = !contains(trusted, addr)
		}
	}
	return true
}

// only returns the value of a header that is there exactly once: two are two
// opinions.
func (h *head) only(kind policy.Header) (value []byte, ok bool) {
	for i := range h.lines {
		if h.lines[i].kind != kind {
			continue
		}
		if ok {
			return nil, false
		}
		value, ok = h.lines[i].value, true
	}
	return value, ok
}

func contains(networks []netip.Prefix, addr netip.Addr) bool {
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// longestHop is an IPv6 address in brackets with a port, and then some.
const longestHop = 64

// parseHop reads an address as proxies write it: 192.0.2.1, 192.0.2.1:80,
// 2001:db8::1, [2001:db8::1], [2001:db8::1]:80. A zone means something to one
// machine only and is left out.
func parseHop(b []byte) (netip.Addr, bool) {
	if len(b) > longestHop {
		return netip.Addr{}, false
	}
	if b[0] == '[' {
		end := bytes.IndexByte(b, ']')
		if end < 0 || !isPort(b[end+1:]) || bytes.IndexByte(b[:end], ':') < 0 {
			return netip.Addr{}, false
		}
		b = b[1:end]
	} else if i := bytes.IndexByte(b, ':'); i >= 0 && bytes.IndexByte(b[i+1:], ':') < 0 {
		if !isPort(b[i:]) {
			return netip.Addr{}, false
		}
		b = b[:i]
	}
	if i := bytes.IndexByte(b, '%'); i >= 0 {
		b = b[:i]
	}
	if len(b) == 0 {
		return netip.Addr{}, false
	}
	// A string of its own would cost an allocation for each request; this one lives
	// for the call.
	addr, err := netip.ParseAddr(unsafe.String(&b[0], len(b)))
	return addr.Unmap(), err == nil
}

// isPort takes nothing, or a colon and a port's digits.
func isPort(b []byte) bool {
	if len(b) == 0 {
		return true
	}
	return b[0] == ':' && len(b) <= len(":65535") && isDigits(b[1:])
}

// appendForwarded says where the request came from.
func (x *exchange) appendForwarded(dst []byte) []byte {
	from := &x.head.from
	if client := x.clientAddr(); client.IsValid() {
		dst = append(dst, "X-Forwarded-For: "...)
		for i := len(from.hops) - 1; i >= 0; i-- {
			dst = append(from.hops[i].AppendTo(dst), ", "...)
		}
		dst = append(dst, x.client.address...) // nothing where there is an edge
		if from.edge.IsValid() {
			dst = from.edge.AppendTo(dst)
		}
		dst = append(dst, "\r\nX-Real-Ip: "...)
		dst = append(client.AppendTo(dst), "\r\n"...)
	}
	proto := "http"
	if from.https {
		proto = "https"
	}
	dst = append(append(dst, "X-Forwarded-Proto: "...), proto...)
	dst = append(dst, "\r\n"...)
	host := x.head.host
	if from.host != nil {
		host = from.host
	}
	if len(host) > 0 {
		dst = append(append(dst, "X-Forwarded-Host: "...), host...)
		dst = append(dst, "\r\n"...)
	}
	return dst
}
