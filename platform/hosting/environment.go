package hosting

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/database"
	"banyan.dev/platform/identity"
)

// Environment is the variables that every host has. A host embeds it in its own
// configuration, with Name and the defaults of both addresses set before Read, and asks
// Check for what is wrong with it. It is a value; nothing changes it later.
type Environment struct {
	Name           string         // the host's, as monolith; no variable
	ListenAddr     string         `env:"LISTEN_ADDR"`
	AdminAddr      string         `env:"ADMIN_ADDR"`
	AdminToken     string         `env:"ADMIN_TOKEN"` // guards what the admin port changes, and what it tells of people
	DatabaseURL    string         `env:"DATABASE_URL"`
	DBMaxConns     int            `env:"DB_MAX_CONNS" envDefault:"20"`
	DBWait         time.Duration  `env:"DB_WAIT" envDefault:"10s"` // how long to wait at the start for a database that is not up yet
	KafkaAddrs     []string       `env:"KAFKA_ADDRS"`              // host:port of some brokers
	IdentityKey    string         `env:"IDENTITY_KEY"`             // what hosts prove to each other who asks with; several, comma-separated: the first signs, all verify
	PublicURL      string         `env:"PUBLIC_URL"`               // the blog's, where people reach it; empty: the listening address
	TrustedProxies []netip.Prefix `env:"TRUSTED_PROXIES" envDefault:"127.0.0.0/8,::1/128"`
	Replica        string         `env:"REPLICA"`                      // empty: made from HOSTNAME, of which each container has its own
	DrainNotice    time.Duration  `env:"DRAIN_NOTICE" envDefault:"1s"` // answered on after readyz went false, so that balancers see it
	DrainTimeout   time.Duration  `env:"DRAIN_TIMEOUT" envDefault:"10s"`
	LogLevel       string         `env:"LOG_LEVEL" envDefault:"info"`
	Traces         string         `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`            // where spans go, such as http://traces:4318; empty: nowhere
	TracesRatio    float64        `env:"OTEL_TRACES_SAMPLER_ARG" envDefault:"1"` // the part of all traces that is kept
	broker.Access
}

// complete fills in what follows from the rest, and takes lists and addresses as people
// write them.
func (e *Environment) complete(environ map[string]string) {
	e.Replica = cmp.Or(e.Replica, e.Name+"-"+cmp.Or(environ["HOSTNAME"], "0"))
	e.PublicURL = strings.TrimSuffix(cmp.Or(e.PublicURL, "http://"+e.ListenAddr), "/")
	e.KafkaAddrs = Trimmed(e.KafkaAddrs)
}

// Trimmed is a list as people write it, without spaces after its commas and the slash at
// the end of an address.
func Trimmed(list []string) []string {
	out := slices.Clone(list)
	for i, s := range out {
		out[i] = strings.TrimSuffix(strings.TrimSpace(s), "/")
	}
	return out
}

// Check finds what reads well and can't work in any host; what only some hosts need is
// theirs to check. It tells everything at once; no error shows a secret.
func (e Environment) Check() error {
	checks := []error{checkDatabase(e.DatabaseURL), e.Access.Check(), checkToken(e.AdminToken, e.AdminAddr)}
	if e.DBMaxConns < 2 {
		checks = append(checks, fmt.Errorf("DB_MAX_CONNS %d is too small: use 2 or more", e.DBMaxConns))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{{"DB_WAIT", e.DBWait}, {"DRAIN_NOTICE", e.DrainNotice}, {"DRAIN_TIMEOUT", e.DrainTimeout}} {
		if d.value < 0 {
			checks = append(checks, fmt.Errorf("%s %s is negative: use 0s or more", d.name, d.value))
		}
	}
	return errors.Join(checks...)
}

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

// shortestToken is what can't be guessed online.
const shortestToken = 16

func checkToken(token, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("ADMIN_ADDR %q: write host:port, such as 127.0.0.1:8081", address)
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

// CheckSite says what is wrong with s as the address at which people reach the blog;
// field is where it is written.
func CheckSite(field, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" {
		return fmt.Errorf("%s %q is no address of a site: write https://blog.example.org", field, s)
	}
	return nil
}

// Keys are those of IDENTITY_KEY, which its error names.
func (e Environment) Keys() (identity.Keys, error) {
	keys, err := identity.NewKeys(e.IdentityKey)
	if err != nil {
		return identity.Keys{}, fmt.Errorf("IDENTITY_KEY: %w", err)
	}
	return keys, nil
}

// OpenDatabase opens the host's database, for which it waits as DB_WAIT says, and brings
// its schema up to date. Replicas may do so at the same time. The caller closes it.
func (e Environment) OpenDatabase(ctx context.Context, logger *slog.Logger, migrate func(context.Context, *database.DB) error) (*database.DB, error) {
	db, err := database.Open(ctx, database.Config{URL: e.DatabaseURL, MaxConns: e.DBMaxConns, Name: e.Replica, Wait: e.DBWait, Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("%w (waited DB_WAIT, %s)", err, e.DBWait)
	}
	if err := migrate(ctx, db); err != nil {
		_ = db.Close() // what went wrong is told already
		return nil, err
	}
	return db, nil
}

// Shown is the environment without its secrets, for a log.
func (e Environment) Shown() []slog.Attr {
	database := "set"
	if u, err := url.Parse(e.DatabaseURL); err == nil {
		database = u.Redacted()
	}
	return []slog.Attr{
		slog.String("LISTEN_ADDR", e.ListenAddr), slog.String("ADMIN_ADDR", e.AdminAddr), slog.Bool("ADMIN_TOKEN", e.AdminToken != ""),
		slog.String("DATABASE_URL", database), slog.Int("DB_MAX_CONNS", e.DBMaxConns),
		slog.Any("KAFKA_ADDRS", e.KafkaAddrs), slog.Bool("KAFKA_TLS", e.KafkaTLS), slog.String("KAFKA_USER", e.KafkaUser),
		slog.Bool("IDENTITY_KEY", e.IdentityKey != ""), slog.String("PUBLIC_URL", e.PublicURL), slog.Any("TRUSTED_PROXIES", e.TrustedProxies),
		slog.String("DRAIN_NOTICE", e.DrainNotice.String()), slog.String("DRAIN_TIMEOUT", e.DrainTimeout.String()),
		slog.String("REPLICA", e.Replica), slog.String("LOG_LEVEL", e.LogLevel), slog.String("OTEL_EXPORTER_OTLP_ENDPOINT", e.Traces),
	}
}
