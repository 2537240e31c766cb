package broker

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
)

// Config says which cluster, and how it is reached.
type Config struct {
	// Addrs are host:port of some of the cluster's brokers; the others are learnt.
	Addrs []string
	// ClientID names this host in the brokers' logs and quotas.
	ClientID string
	// Access is whether TLS is spoken with the brokers, and who signs in there.
	Access Access
	// TLS, when set, is spoken in place of what Access says: with an authority that the
	// machine does not know.
	TLS *tls.Config
	// RequestTimeout bounds one request, from sending to the answer; 0 means 10 s. What
	// is not answered by then may have been done all the same.
	RequestTimeout time.Duration
	// Logger may be nil: then nothing is logged.
	Logger *slog.Logger
}

// The settings of kafka-go's transport.
const (
	dialTimeout = 3 * time.Second
	idleTimeout = 30 * time.Second
	// metadataTTL bounds how long a moved leader goes unnoticed: kafka-go asks again
	// at a random moment within it, and an answer NOT_LEADER does not make it ask. Its
	// default of 6 s is long for a relay; asking costs one small request.
	metadataTTL = 2 * time.Second
)

// Broker is a cluster. It is safe for concurrent use, opens connections when they
// are needed, and gets over brokers that go and come back.
type Broker struct {
	cfg       Config
	mechanism sasl.Mechanism
	transport wary
	client    *kafka.Client
	conns     *conns
}

// New makes a Broker; it dials nothing. Close it in the end.
func New(cfg Config) (*Broker, error) {
	if len(cfg.Addrs) == 0 {
		return nil, errors.New("no Kafka broker is named: give host:port of at least one")
	}
	for _, addr := range cfg.Addrs {
		if _, _, err := net.SplitHostPort(addr); err != nil {
			return nil, fmt.Errorf("kafka broker %q is no address: write it as host:port", addr)
		}
	}
	if err := cfg.Access.Check(); err != nil {
		return nil, err
	}
	mechanism, err := cfg.Access.mechanism()
	if err != nil {
		return nil, err
	}
	if cfg.TLS == nil {
		cfg.TLS = cfg.Access.tls()
	}
	cfg.Addrs = slices.Clone(cfg.Addrs)
	cfg.RequestTimeout = cmp.Or(cfg.RequestTimeout, 10*time.Second)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	b := &Broker{cfg: cfg, mechanism: mechanism, conns: newConns((&net.Dialer{Timeout: dialTimeout}).DialContext)}
	b.transport = wary{&kafka.Transport{
		Dial: b.conns.dial, DialTimeout: dialTimeout, IdleTimeout: idleTimeout,
		MetadataTTL: metadataTTL, ClientID: cfg.ClientID, TLS: cfg.TLS, SASL: mechanism,
	}}
	b.client = &kafka.Client{Addr: kafka.TCP(cfg.Addrs...), Transport: b.transport, Timeout: cfg.RequestTimeout}
	return b, nil
}

// Close closes all connections; what is under way fails. End consumers before, by
// their context.
func (b *Broker) Close() {
	b.conns.close()
	b.transport.CloseIdleConnections()
}

// bounded is ctx with the request's bound. kafka-go needs one: a request whose
// context is only cancelled keeps its connection waiting for ever.
func (b *Broker) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, b.cfg.RequestTimeout)
}

// forConsumers dials as kafka-go's readers and groups want it.
func (b *Broker) forConsumers(dial dialFunc) *kafka.Dialer {
	return &kafka.Dialer{DialFunc: dial, Timeout: dialTimeout, ClientID: b.cfg.ClientID, TLS: b.cfg.TLS, SASLMechanism: b.mechanism}
}
