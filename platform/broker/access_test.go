package broker_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"banyan.dev/platform/broker"
)

// certificate is one for 127.0.0.1, and the pool of those who trust it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	leaf, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// guarded is a broker that wants TLS and a user, and the authority that it shows.
func guarded(t *testing.T) (address string, authority *x509.CertPool) {
	own, authority := certificate(t)
	c := cluster(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{own}}), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-512", "banyan", "pa,s=s word"))
	return c.ListenAddrs()[0], authority
}

func enter(t *testing.T, address string, access broker.Access, authority *x509.CertPool) *broker.Broker {
	t.Helper()
	cfg := broker.Config{Addrs: []string{address}, RequestTimeout: 5 * time.Second, Access: access}
	if authority != nil {
		cfg.TLS = &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: authority}
	}
	b, err := broker.New(cfg)
	require.NoError(t, err)
	t.Cleanup(b.Close)
	return b
}

// Every way to the brokers signs in: topics and produce requests by kafka-go's
// transport, groups and readers by its dialer.
func TestAUserIsLetInOverTLS(t *testing.T) {
	address, authority := guarded(t)
	b := enter(t, address, broker.Access{KafkaTLS: true, KafkaUser: "banyan", KafkaPassword: "pa,s=s word"}, authority)
	require.NoError(t, b.EnsureTopics(t.Context(), things))
	require.NoError(t, b.Publisher().Publish(t.Context(), numbered(20, func(i int) int { return i % things.Partitions })))

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := make(chan broker.Message, 20)
	ended := make(chan error, 1)
	go func() {
		ended <- b.Consume(ctx, broker.ConsumerConfig{Group: group, Topics: []string{things.Name}}, func(ctx context.Context, p *broker.Partition) error {
			for {
				messages, err := p.Fetch(ctx, 10)
				if err != nil {
					return nil
				}
				for _, m := range messages {
					got <- m
				}
				if err := p.Commit(messages[len(messages)-1]); err != nil {
					return err
				}
			}
		})
	}()
	for range 20 {
		select {
		case <-got:
		case <-ctx.Done():
			t.Fatal("not all messages came")
		}
	}
	cancel()
	require.NoError(t, <-ended)
	lag, err := b.Lag(t.Context(), group, things.Name)
	require.NoError(t, err)
	require.Len(t, lag, things.Partitions)
}

func TestWhoMayNotEnterIsToldWithoutThePassword(t *testing.T) {
	address, authority := guarded(t)
	right := broker.Access{KafkaTLS: true, KafkaUser: "banyan", KafkaPassword: "pa,s=s word"}
	for name, c := range map[string]struct {
		access    broker.Access
		authority *x509.CertPool
	}{
		"a wrong password":           {broker.Access{KafkaTLS: true, KafkaUser: "banyan", KafkaPassword: "not-this-one"}, authority},
		"an unknown user":            {broker.Access{KafkaTLS: true, KafkaUser: "eve", KafkaPassword: "pa,s=s word"}, authority},
		"nobody":                     {broker.Access{KafkaTLS: true}, authority},
		"an authority nobody trusts": {right, nil},
		"another's authority":        {right, x509.NewCertPool()},
		"no TLS":                     {broker.Access{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			b := enter(t, address, c.access, c.authority)
			err := b.EnsureTopics(t.Context(), things)
			require.Error(t, err)
			require.NotContains(t, err.Error(), "pa,s=s word")
			require.NotContains(t, err.Error(), "not-this-one")
		})
	}
}

func TestHalfAnAccessIsRefused(t *testing.T) {
	for says, access := range map[string]broker.Access{
		"KAFKA_USER is not":    {KafkaTLS: true, KafkaPassword: "hunter2"},
		"KAFKA_PASSWORD is no": {KafkaTLS: true, KafkaUser: "banyan"},
		"KAFKA_TLS=true":       {KafkaUser: "banyan", KafkaPassword: "hunter2"},
		"SASL forbids":         {KafkaTLS: true, KafkaUser: "banyan", KafkaPassword: "hunter2\x00"},
	} {
		_, err := broker.New(broker.Config{Addrs: []string{"kafka:9096"}, Access: access})
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "hunter2")
	}
	require.NoError(t, broker.Access{}.Check())
	require.NoError(t, broker.Access{KafkaTLS: true}.Check())
}
