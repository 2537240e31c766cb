package dataplane_test

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"banyan.dev/gateway/internal/dataplane"
)

// behind is the configuration of everything to one owner behind trusted proxies.
func behind(proxies, url string) string {
	return strings.Replace(oneOwner("", url), "owners:", "clients: {trusted_proxies: ["+proxies+"]}\nowners:", 1)
}

// Each row is what a proxy, or somebody who plays one, sends, and what the owner is
// told. The peer is 127.0.0.1.
func TestForwardedHeadersBehindProxies(t *testing.T) {
	const trusted, others = `127.0.0.0/8, 10.0.0.0/8, "2001:db8:ffff::/48", "fe80::/10"`, `10.0.0.0/8, "::1"`
	owner := reflector(t)
	inside, outside := newRig(t, behind(trusted, owner)), newRig(t, behind(others, owner))
	for name, c := range map[string]struct {
		send          string
		chain, client string // X-Forwarded-For and X-Real-Ip
		proto, host   string // http and blog where nothing is said
	}{
		"nothing":                      {"", "127.0.0.1", "127.0.0.1", "", ""},
		"one proxy":                    {"X-Forwarded-For: 203.0.113.9\r\n", "203.0.113.9, 127.0.0.1", "203.0.113.9", "", ""},
		"two proxies":                  {"X-Forwarded-For: 203.0.113.9, 10.1.2.3\r\n", "203.0.113.9, 10.1.2.3, 127.0.0.1", "203.0.113.9", "", ""},
		"proxies only":                 {"X-Forwarded-For: 10.9.9.9, 10.1.2.3\r\n", "10.9.9.9, 10.1.2.3, 127.0.0.1", "10.9.9.9", "", ""},
		"two lines are one list":       {"X-Forwarded-For: 203.0.113.9\r\nX-FORWARDED-FOR: 10.1.2.3\r\n", "203.0.113.9, 10.1.2.3, 127.0.0.1", "203.0.113.9", "", ""},
		"a spoofed chain":              {"X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n", "6.6.6.6, 203.0.113.9, 127.0.0.1", "203.0.113.9", "", ""},
		"spoofed as a proxy's":         {"X-Forwarded-For: 6.6.6.6, 10.6.6.6, 203.0.113.9, 10.1.2.3\r\n", "6.6.6.6, 10.6.6.6, 203.0.113.9, 10.1.2.3, 127.0.0.1", "203.0.113.9", "", ""},
		"spoofed in a line of its own": {"X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 203.0.113.9\r\n", "6.6.6.6, 203.0.113.9, 127.0.0.1", "203.0.113.9", "", ""},
		"garbage from the client":      {"X-Forwarded-For: <script>, 203.0.113.9\r\n", "203.0.113.9, 127.0.0.1", "203.0.113.9", "", ""},
		"garbage next to a proxy":      {"X-Forwarded-For: 6.6.6.6, unknown, 10.1.2.3\r\n", "10.1.2.3, 127.0.0.1", "10.1.2.3", "", ""},
		"garbage alone":                {"X-Forwarded-For: 6.6.6.6; drop table\r\n", "127.0.0.1", "127.0.0.1", "", ""},
		"almost addresses":             {"X-Forwarded-For: 203.0.113.9, 010.1.2.3\r\n", "127.0.0.1", "127.0.0.1", "", ""},
		"empty entries":                {"X-Forwarded-For: , 203.0.113.9 ,\t,10.1.2.3,\r\n", "203.0.113.9, 10.1.2.3, 127.0.0.1", "203.0.113.9", "", ""},
		"an empty list":                {"X-Forwarded-For:\r\n", "127.0.0.1", "127.0.0.1", "", ""},
		"with ports":                   {"X-Forwarded-For: 203.0.113.9:4711, 10.1.2.3:80\r\n", "203.0.113.9, 10.1.2.3, 127.0.0.1", "203.0.113.9", "", ""},
		"a port that is none":          {"X-Forwarded-For: 203.0.113.9:x\r\n", "127.0.0.1", "127.0.0.1", "", ""},
		"IPv6":                         {"X-Forwarded-For: 2001:DB8:0::1\r\n", "2001:db8::1, 127.0.0.1", "2001:db8::1", "", ""},
		"IPv6 in brackets":             {"X-Forwarded-For: [2001:db8::1]\r\n", "2001:db8::1, 127.0.0.1", "2001:db8::1", "", ""},
		"IPv6 with a port":             {"X-Forwarded-For: [2001:db8::1]:4711, [2001:db8:ffff::2]:80\r\n", "2001:db8::1, 2001:db8:ffff::2, 127.0.0.1", "2001:db8::1", "", ""},
		"IPv6 with a zone":             {"X-Forwarded-For: 2001:db8::1, fe80::1%eth0, [fe80::2%25x]:1\r\n", "2001:db8::1, fe80::1, fe80::2, 127.0.0.1", "2001:db8::1", "", ""},
		"IPv4 within IPv6":             {"X-Forwarded-For: 203.0.113.9, ::ffff:10.1.2.3\r\n", "203.0.113.9, 10.1.2.3, 127.0.0.1", "203.0.113.9", "", ""},
		"brackets that don't close":    {"X-Forwarded-For: [2001:db8::1\r\n", "127.0.0.1", "127.0.0.1", "", ""},
		"brackets around IPv4":         {"X-Forwarded-For: [203.0.113.9]\r\n", "127.0.0.1", "127.0.0.1", "", ""},
		"too long an address":          {"X-Forwarded-For: " + strings.Repeat("1", 4000) + "\r\n", "127.0.0.1", "127.0.0.1", "", ""},
		"too long a chain":             {"X-Forwarded-For: 6.6.6.6" + strings.Repeat(", 10.1.2.3", 40) + "\r\n", strings.Repeat("10.1.2.3, ", 32) + "127.0.0.1", "10.1.2.3", "", ""},
		"HTTPS ended before":           {"X-Forwarded-Proto: HTTPS\r\nX-Forwarded-Host: Shop.example:8443\r\n", "127.0.0.1", "127.0.0.1", "https", "Shop.example:8443"},
		"a proto that is none":         {"X-Forwarded-Proto: javascript\r\n", "127.0.0.1", "127.0.0.1", "http", ""},
		"a list of protos":             {"X-Forwarded-Proto: https, http\r\n", "127.0.0.1", "127.0.0.1", "http", ""},
		"two protos":                   {"X-Forwarded-Proto: https\r\nX-Forwarded-Proto: https\r\n", "127.0.0.1", "127.0.0.1", "http", ""},
		"a host that is none":          {"X-Forwarded-Host: a/b\r\n", "127.0.0.1", "127.0.0.1", "", ""},
		"two hosts":                    {"X-Forwarded-Host: a\r\nX-Forwarded-Host: b\r\n", "127.0.0.1", "127.0.0.1", "", ""},
		"a list of hosts":              {"X-Forwarded-Host: a, b\r\n", "127.0.0.1", "127.0.0.1", "", ""},
		"odd spellings":                {"X_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Proto: https\r\nX-Forwarded-Server: evil\r\nX-Forwarded-Port: 666\r\nForwarded: for=6.6.6.6\r\nX-Real-Ip: 6.6.6.6\r\n", "127.0.0.1", "127.0.0.1", "", ""},
		"named in Connection":          {"X-Forwarded-For: 203.0.113.9\r\nConnection: X-Forwarded-For, X-Real-Ip, X-Forwarded-Proto\r\n", "203.0.113.9, 127.0.0.1", "203.0.113.9", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, head := inside.raw(t).ask("GET / HTTP/1.1\r\nHost: blog\r\n" + c.send + "\r\n")
			told(t, head, c.chain, c.client, or(c.proto, "http"), or(c.host, "blog"))
			_, head = outside.raw(t).ask("GET / HTTP/1.1\r\nHost: blog\r\n" + c.send + "\r\n")
			told(t, head, "127.0.0.1", "127.0.0.1", "http", "blog")
		})
	}
}

// told checks what the owner hears about where a request came from: this, once, and
// nothing else of the kind.
func told(t *testing.T, head, chain, client, proto, host string) {
	t.Helper()
	var got []string
	for text := range strings.SplitSeq(head, "\r\n") {
		lower := strings.ReplaceAll(strings.ToLower(text), "_", "-")
		if strings.HasPrefix(lower, "x-forwarded") || strings.HasPrefix(lower, "x-real-ip") || strings.HasPrefix(lower, "forwarded") {
			got = append(got, text)
		}
	}
	require.Equal(t, []string{"X-Forwarded-For: " + chain, "X-Real-Ip: " + client, "X-Forwarded-Proto: " + proto, "X-Forwarded-Host: " + host}, got)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func TestAnIPv6PeerIsNamedWithoutBracketsAndTrusted(t *testing.T) {
	ln, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		t.Skip("no IPv6 here: ", err)
	}
	r := newRigOn(t, ln, behind(`"::1"`, reflector(t)), dataplane.DefaultLimits())
	_, head := r.raw(t).ask("GET / HTTP/1.1\r\nHost: blog\r\nX-Forwarded-For: 203.0.113.9\r\n\r\n")
	told(t, head, "203.0.113.9, ::1", "203.0.113.9", "http", "blog")
	_, head = r.raw(t).ask("GET / HTTP/1.1\r\nHost: blog\r\n\r\n")
	told(t, head, "::1", "::1", "http", "blog")
}

func TestARequestKnowsNothingOfTheOneBeforeIt(t *testing.T) {
	r := newRig(t, behind("127.0.0.1", reflector(t)))
	conn := r.raw(t)
	_, head := conn.ask("GET / HTTP/1.1\r\nHost: blog\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop\r\n\r\n")
	told(t, head, "203.0.113.9, 127.0.0.1", "203.0.113.9", "https", "shop")
	_, head = conn.ask("GET / HTTP/1.1\r\nHost: blog\r\n\r\n")
	told(t, head, "127.0.0.1", "127.0.0.1", "http", "blog")
}
