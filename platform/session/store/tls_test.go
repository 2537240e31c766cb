package store_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/stretchr/testify/require"

	"banyan.dev/platform/session/store"
)

// TestRedisOverTLS reaches a Redis as ElastiCache offers it: TLS, and a user with a
// password. Go reads whom to trust once in a process, so the asking is done by a child
// that is told by SSL_CERT_DIR.
func TestRedisOverTLS(t *testing.T) {
	if url := os.Getenv("BANYAN_TEST_REDISS"); url != "" {
		client, err := store.NewClient(url)
		require.NoError(t, err)
		defer client.Close()
		require.NoError(t, client.Ping(t.Context()).Err())
		return
	}
	authority, own := t.TempDir(), certificate(t)
	require.NoError(t, os.WriteFile(filepath.Join(authority, "ca.pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: own.Certificate[0]}), 0o600))
	redis, err := miniredis.RunTLS(&tls.Config{Certificates: []tls.Certificate{own}})
	require.NoError(t, err)
	defer redis.Close()
	redis.RequireUserAuth("banyan", "pa:s/s@word")
	ask := func(scheme, user, authority string) (told string, err error) {
		child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestRedisOverTLS$")
		child.Env = append(os.Environ(), "BANYAN_TEST_REDISS="+scheme+"://"+user+redis.Addr()+"/0", "SSL_CERT_DIR="+authority)
		out, err := child.CombinedOutput()
		return string(out), err
	}

	const right = "banyan:pa%3As%2Fs%40word@"
	told, err := ask("rediss", right, authority)
	require.NoError(t, err, told)
	for says, c := range map[string][3]string{
		"certificate": {"rediss", right, t.TempDir()},           // an authority nobody trusts
		"NOAUTH":      {"rediss", "", authority},                // nobody signed in
		"WRONGPASS":   {"rediss", "banyan:another@", authority}, // a wrong password
		"FAIL":        {"redis", right, authority},              // plain TCP where TLS is spoken
	} {
		told, err := ask(c[0], c[1], c[2])
		require.Error(t, err, says)
		require.Contains(t, told, says)
		require.NotContains(t, told, "pa:s/s@word")
	}
}

// certificate is one for 127.0.0.1 that vouches for itself.
func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
