package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/caarlos0/env/v11"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/call"
	"banyan.dev/platform/identity"
)

// Config is the service's environment. It is a value; nothing changes it later.
type Config struct {
	ListenAddr     string         `env:"LISTEN_ADDR" envDefault:"127.0.0.1:8082"`
	AdminAddr      string         `env:"ADMIN_ADDR" envDefault:"127.0.0.1:8083"`
	AdminToken     string         `env:"ADMIN_TOKEN"` // guards what the admin port changes, and what it tells of people
	DatabaseURL    string         `env:"DATABASE_URL"`
	DBMaxConns     int            `env:"DB_MAX_CONNS" envDefault:"20"`
	DBWait         time.Duration  `env:"DB_WAIT" envDefault:"10s"` // how long to wait at the start for a database that is not up yet
	KafkaAddrs     []string       `env:"KAFKA_ADDRS"`
	MonolithURLs   string         `env:"MONOLITH_URLS"` // its replicas, or the one address of a balancer before them
	IdentityKey    string         `env:"IDENTITY_KEY"`  // keys with commas between them: the first signs, all verify
	PublicURL      string         `env:"PUBLIC_URL"`    // the blog's, where people reach it
	TrustedProxies []netip.Prefix `env:"TRUSTED_PROXIES" envDefault:"127.0.0.0/8,::1/128"`
	Replica        string         `env:"REPLICA"`                      // empty: made from HOSTNAME, of which each container has its own
	DrainNotice    time.Duration  `env:"DRAIN_NOTICE" envDefault:"1s"` // answered on after readyz went false, so that balancers see it
	DrainTimeout   time.Duration  `env:"DRAIN_TIMEOUT" envDefault:"10s"`
	LogLevel       string         `env:"LOG_LEVEL" envDefault:"info"`
	Traces         string         `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`            // where spans go, such as http://traces:4318; empty: nowhere
	TracesRatio    float64        `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"1"` // the part of all traces that is kept
	broker.Access
}

// Load reads a configuration from an environment, "NAME=value" each, and says of
// everything that is wrong with it which variable, which value, and the mend.
func Load(environ []string) (Config, error) {
	var cfg Config
	err := env.ParseWithOptions(&cfg, env.Options{
		Environment: env.ToMap(environ),
		FuncMap: map[reflect.Type]env.ParserFunc{
			reflect.TypeFor[netip.Prefix](): func(s string) (any, error) { return netip.ParsePrefix(strings.TrimSpace(s)) },
		},
	})
	if err != nil {
		return Config{}, explain(err, env.ToMap(environ))
	}
	if cfg.Replica == "" {
		cfg.Replica = "comments-" + cmp.Or(env.ToMap(environ)["HOSTNAME"], "0")
	}
	if cfg.PublicURL == "" {
		cfg.PublicURL = "http://" + cfg.ListenAddr
	}
	cfg.PublicURL = strings.TrimSuffix(cfg.PublicURL, "/")
	for i, addr := range cfg.KafkaAddrs {
		cfg.KafkaAddrs[i] = strings.TrimSpace(addr)
	}
	return cfg, cfg.check()
}

// explain names variables where the library names fields.
func explain(err error, environ map[string]string) error {
	var all env.AggregateError
	if !errors.As(err, &all) {
		return err
	}
	var told []error
	for _, e := range all.Errors {
		var parse env.ParseError
		if !errors.As(e, &parse) {
			told = append(told, e)
			continue
		}
		field, _ := reflect.TypeFor[Config]().FieldByName(parse.Name)
		name, _, _ := strings.Cut(field.Tag.Get("env"), ",")
		told = append(told, fmt.Errorf("%s %q can't be read: write it as %s", name, environ[name], form(parse.Type)))
	}
	return errors.Join(told...)
}

func form(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration, such as 10s"
	case reflect.TypeFor[[]netip.Prefix]():
		return "networks, such as 10.0.0.0/8,::1/128"
	case reflect.TypeFor[bool]():
		return "true or false"
	case reflect.TypeFor[float64]():
		return "a part, such as 0.1"
	}
	return "a whole number"
}

// check finds what reads well and still can't work.
func (c Config) check() error {
	checks := []error{
		checkDatabase(c.DatabaseURL), checkKafka(c.KafkaAddrs), c.Access.Check(), checkPublic(c.PublicURL), checkToken(c.AdminToken, c.AdminAddr),
	}
	_, err := call.URLs("MONOLITH_URLS", c.MonolithURLs)
	checks = append(checks, err)
	if _, err := c.Keys(); err != nil {
		checks = append(checks, err)
	}
	if c.DBMaxConns < 2 {
		checks = append(checks, fmt.Errorf("DB_MAX_CONNS %d is too small: use 2 or more", c.DBMaxConns))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"DB_WAIT", c.DBWait}, {"DRAIN_NOTICE", c.DrainNotice}, {"DRAIN_TIMEOUT", c.DrainTimeout}} {
		if d.value < 0 {
			checks = append(checks, fmt.Errorf("%s %s is negative: use 0s or more", d.name, d.value))
		}
	}
	return errors.Join(checks...)
}

// Keys are those of IDENTITY_KEY.
func (c Config) Keys() (identity.Keys, error) {
	keys, err := identity.NewKeys(c.IdentityKey)
	if err != nil {
		return identity.Keys{}, fmt.Errorf("IDENTITY_KEY: %w", err)
	}
	return keys, nil
}

// Monolith are the base URLs of MONOLITH_URLS.
func (c Config) Monolith() ([]string, error) { return call.URLs("MONOLITH_URLS", c.MonolithURLs) }

func checkDatabase(s string) error {
	const mend = "write postgres://user:password@host:5432/database"
	if s == "" {
		return errors.New("DATABASE_URL is not set: " + mend)
	}
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Path == "" {
		return errors.New("DATABASE_URL is no PostgreSQL address: " + mend) // its value may hold a password
	}
	return nil
}

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

func checkPublic(s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" {
		return fmt.Errorf("PUBLIC_URL %q is no address of a site: write https://blog.example.org", s)
	}
	return nil
}

// shortestToken is what can't be guessed online.
const shortestToken = 16

func checkToken(token, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("ADMIN_ADDR %q: write host:port, such as 127.0.0.1:8083", address)
	}
	ip, err := netip.ParseAddr(host)
	if host == "localhost" || err == nil && ip.IsLoopback() {
		return nil
	}
	weak := slices.Contains([]string{"change-me", "changeme", "admin", "password", "secret", "banyan", "token"}, strings.ToLower(token))
	if len(token) < shortestToken || weak {
		return fmt.Errorf("ADMIN_ADDR %q is reached from other machines and ADMIN_TOKEN is empty, short or a default: set one of %d characters or more, as openssl rand -hex 32 makes it", address, shortestToken)
	}
	return nil
}

// LogValue shows the configuration without its secrets.
func (c Config) LogValue() slog.Value {
	database := "set"
	if u, err := url.Parse(c.DatabaseURL); err == nil {
		database = u.Redacted()
	}
	return slog.GroupValue(
		slog.String("LISTEN_ADDR", c.ListenAddr), slog.String("ADMIN_ADDR", c.AdminAddr),
		slog.Bool("ADMIN_TOKEN", c.AdminToken != ""), slog.String("DATABASE_URL", database),
		slog.Int("DB_MAX_CONNS", c.DBMaxConns), slog.Any("KAFKA_ADDRS", c.KafkaAddrs), slog.Bool("KAFKA_TLS", c.KafkaTLS), slog.String("KAFKA_USER", c.KafkaUser), slog.String("MONOLITH_URLS", c.MonolithURLs),
		slog.Bool("IDENTITY_KEY", c.IdentityKey != ""), slog.String("PUBLIC_URL", c.PublicURL), slog.Any("TRUSTED_PROXIES", c.TrustedProxies),
		slog.String("DRAIN_NOTICE", c.DrainNotice.String()), slog.String("DRAIN_TIMEOUT", c.DrainTimeout.String()),
		slog.String("REPLICA", c.Replica), slog.String("LOG_LEVEL", c.LogLevel),
		slog.String("OTEL_EXPORTER_OTLP_ENDPOINT", c.Traces),
	)
}
