package embeddedkafka

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"

	"banyan.dev/platform/embedded"
)

// Config says where a broker lives.
type Config struct {
	// Dir keeps the topics over a restart; it is made if it is not there. Empty:
	// they are kept in memory.
	Dir string
	// Port on loopback; 0 takes a free one.
	Port int
}

// Kafka is a running broker.
type Kafka struct {
	cluster *kfake.Cluster
	addr    string
	end     context.CancelFunc // of what runs beside the cluster
	ended   chan struct{}
}

// Start starts a broker. Its goroutines end with Stop. Topics are made by who
// needs them; none appears by being named.
func Start(_ context.Context, cfg Config) (*Kafka, error) {
	if cfg.Port == 0 {
		port, err := embedded.FreePort()
		if err != nil {
			return nil, err
		}
		cfg.Port = port
	}
	opts := []kfake.Opt{kfake.NumBrokers(1), kfake.Ports(cfg.Port), kfake.ClusterID("banyan")}
	if cfg.Dir != "" {
		if err := os.MkdirAll(cfg.Dir, 0o755); err != nil {
			return nil, fmt.Errorf("make the broker's folder: %w", err)
		}
		opts = append(opts, kfake.DataDir(cfg.Dir))
	}
	cluster, err := kfake.NewCluster(opts...)
	if err != nil {
		return nil, fmt.Errorf("start Kafka on port %d: %w", cfg.Port, err)
	}
	expulsion, err := newExpulsion(cluster)
	if err != nil {
		cluster.Close()
		return nil, fmt.Errorf("start Kafka on port %d: %w", cfg.Port, err)
	}
	ctx, end := context.WithCancel(context.Background())
	k := &Kafka{cluster: cluster, addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(cfg.Port)), end: end, ended: make(chan struct{})}
	go func() {
		defer close(k.ended)
		expulsion.run(ctx)
	}()
	return k, nil
}

// Addr is the broker's host:port.
func (k *Kafka) Addr() string { return k.addr }

// Stop ends the broker.
func (k *Kafka) Stop(context.Context) error {
	k.end()
	<-k.ended
	k.cluster.Close()
	return nil
}
