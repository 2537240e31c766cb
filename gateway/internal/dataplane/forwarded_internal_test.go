package dataplane

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLocatingTheClientAllocatesNothing(t *testing.T) {
	text := []byte("Host: blog\r\nX-Forwarded-For: 6.6.6.6, [2001:db8::1%eth0]:4711\r\nX-Forwarded-For: 203.0.113.9:80, 10.1.2.3\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop\r\n\r\n")
	peer, trusted := netip.MustParseAddr("10.0.0.1"), []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	var h head
	locate := func() {
		h.reset()
		require.NoError(t, h.read(text, true))
		h.locateClient(peer, trusted)
	}
	locate()
	require.Equal(t, "203.0.113.9", h.from.client.String())
	require.Len(t, h.from.hops, 4)
	require.Zero(t, testing.AllocsPerRun(100, locate))
}
