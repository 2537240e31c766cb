package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"

	"banyan.dev/platform/call"
	"banyan.dev/platform/hosting"
)

// Config is the service's environment. It is a value; nothing changes it later.
type Config struct {
	hosting.Environment
	MonolithURLs string `env:"MONOLITH_URLS"` // its replicas, or the one address of a balancer before them
}

// Load reads a configuration from an environment, "NAME=value" each, and says of
// everything that is wrong with it which variable, which value, and the mend.
func Load(environ []string) (Config, error) {
	cfg := Config{Environment: hosting.Environment{Name: "comments", ListenAddr: "127.0.0.1:8082", AdminAddr: "127.0.0.1:8083"}}
	if err := hosting.Read(environ, &cfg, &cfg.Environment); err != nil {
		return Config{}, err
	}
	return cfg, cfg.check()
}

// check finds what reads well and still can't work.
func (c Config) check() error {
	_, urls := c.Monolith()
	_, keys := c.Keys()
	return errors.Join(c.Environment.Check(), checkKafka(c.KafkaAddrs), hosting.CheckSite("PUBLIC_URL", c.PublicURL), urls, keys)
}

// Monolith are the base URLs of MONOLITH_URLS.
func (c Config) Monolith() ([]string, error) { return call.URLs("MONOLITH_URLS", c.MonolithURLs) }

func checkKafka(addrs []string) error {
	const mend = "write host:port of at least one broker, such as kafka-0:9092,kafka-1:9092"
	if len(addrs) == 0 {
		return errors.New("KAFKA_ADDRS is not set: " + mend)
	}
	for _, addr := range addrs {
		if host, port, err := net.SplitHostPort(addr); err != nil || host == "" || port == "" {
			return fmt.Errorf("KAFKA_ADDRS has %q, which is no address: %s", addr, mend)
		}
	}
	return nil
}

// LogValue shows the configuration without its secrets.
func (c Config) LogValue() slog.Value {
	return slog.GroupValue(append(c.Shown(), slog.String("MONOLITH_URLS", c.MonolithURLs))...)
}
