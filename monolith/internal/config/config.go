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
	"banyan.dev/platform/session"
)

// Stores says which stores keep the features' data.
type Stores string

// The tangle joins features in its statements; the features' own keep to their
// tables. Both are over the same database, and replicas on either may run side by
// side.
const (
	Tangle   Stores = "tangle"
	Features Stores = "features"
)

// Events says whether what happens to comments and posts is told to others.
type Events string

// Off tells nobody. Outbox writes an event beside each change, in its transaction,
// and brings it to Kafka; writes of comments then ask who owns them.
const (
	Off    Events = "off"
	Outbox Events = "outbox"
)

// Comments says whom this host asks for comments.
type Comments string

// Local is this host's own tables. Owner is whoever owns comments at that moment,
// this host or the comments service, as the row of the ownership says.
const (
	Local Comments = "local"
	Owner Comments = "owner"
)

// Config is the monolith's environment. It is a value; nothing changes it later.
type Config struct {
	ListenAddr     string         `env:"LISTEN_ADDR" envDefault:"127.0.0.1:8080"`
	AdminAddr      string         `env:"ADMIN_ADDR" envDefault:"127.0.0.1:8081"`
	AdminToken     string         `env:"ADMIN_TOKEN"` // guards what the admin port changes, and what it tells of people
	DatabaseURL    string         `env:"DATABASE_URL"`
	DBMaxConns     int            `env:"DB_MAX_CONNS" envDefault:"20"`
	DBWait         time.Duration  `env:"DB_WAIT" envDefault:"10s"` // how long to wait at the start for a database that is not up yet
	Stores         Stores         `env:"STORES" envDefault:"tangle"`
	Events         Events         `env:"EVENTS" envDefault:"off"`
	KafkaAddrs     []string       `env:"KAFKA_ADDRS"` // host:port of some brokers; not dialled while EVENTS is off
	Comments       Comments       `env:"COMMENTS" envDefault:"local"`
	CommentsURLs   []string       `env:"COMMENTS_URLS"` // of the comments service's replicas, or of what balances between them
	IdentityKey    string         `env:"IDENTITY_KEY"`  // what hosts prove to each other who asks with; several, comma-separated: the first signs
	SettingsFile   string         `env:"SETTINGS_FILE"`
	RedisUser      string         `env:"REDIS_USER"`                        // who signs in at the settings file's redis.url, if it names nobody itself
	RedisPassword  string         `env:"REDIS_PASSWORD"`                    // so that the file has no secret in it
	SessionStore   session.Mode   `env:"SESSION_STORE" envDefault:"memory"` // the settings file's wins
	PublicURL      string         `env:"PUBLIC_URL"`                        // what links in mails begin with, unless the settings file says so; empty: the listening address
	CookieSecure   bool           `env:"COOKIE_SECURE" envDefault:"true"`
	TrustedProxies []netip.Prefix `env:"TRUSTED_PROXIES" envDefault:"127.0.0.0/8,::1/128"`
	SMTPAddr       string         `env:"SMTP_ADDR"` // empty: no mail
	MailFrom       string         `env:"MAIL_FROM" envDefault:"Banyan <banyan@localhost>"`
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
		cfg.Replica = "monolith-" + cmp.Or(env.ToMap(environ)["HOSTNAME"], "0")
	}
	if cfg.PublicURL == "" {
		cfg.PublicURL = "http://" + cfg.ListenAddr
	}
	cfg.PublicURL = strings.TrimSuffix(cfg.PublicURL, "/")
	cfg.KafkaAddrs, cfg.CommentsURLs = trimmed(cfg.KafkaAddrs), trimmed(cfg.CommentsURLs)
	return cfg, cfg.check()
}

// trimmed is a list as people write it, with spaces after its commas and a slash at
// the end of an address.
func trimmed(list []string) []string {
	out := slices.Clone(list)
	for i, s := range out {
		out[i] = strings.TrimSuffix(strings.TrimSpace(s), "/")
	}
	return out
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
		checkDatabase(c.DatabaseURL),
		c.CheckPublic("PUBLIC_URL", c.PublicURL),
		checkToken(c.AdminToken, c.AdminAddr),
		c.checkSeams(),
		c.Access.Check(),
	}
	if c.SessionStore != session.Memory && c.SessionStore != session.Postgres {
		checks = append(checks, fmt.Errorf("SESSION_STORE %q can't be started with: use memory or postgres; the others are reached by SETTINGS_FILE", c.SessionStore))
	}
	if c.DBMaxConns < 2 {
		checks = append(checks, fmt.Errorf("DB_MAX_CONNS %d is too small: use 2 or more", c.DBMaxConns))
	}
	for name, d := range map[string]time.Duration{"DB_WAIT": c.DBWait, "DRAIN_NOTICE": c.DrainNotice, "DRAIN_TIMEOUT": c.DrainTimeout} {
		if d < 0 {
			checks = append(checks, fmt.Errorf("%s %s is negative: use 0s or more", name, d))
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

// CheckSessions refuses sessions in memory with the features' stores: no step has the
// two together, and the way to them would sign people out. It is asked at the start,
// with the mode in force: the settings file may name another than the environment.
func (c Config) CheckSessions(mode session.Mode) error {
	if c.Stores == Features && mode == session.Memory {
		return errors.New("STORES=features with sessions in memory can't be: changing STORES restarts each replica, and the sessions in its memory end with it; " +
			"move sessions to Redis first, or set SESSION_STORE=postgres")
	}
	return nil
}

// CheckPublic says what is wrong with s as the address at which people reach the
// host; field is where it is written.
func (c Config) CheckPublic(field, s string) error {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Path != "" {
		return fmt.Errorf("%s %q is no address of a site: write https://blog.example.org", field, s)
	}
	if u.Scheme == "https" && !c.CookieSecure {
		return fmt.Errorf("COOKIE_SECURE=false with %s %q would send sessions over plain HTTP too: leave it out", field, s)
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

// developments is how each secret begins that the repository's own manifests have.
const developments = "development-only"

// MayServe refuses secrets that everybody can read in the repository, where people
// come by HTTPS: there it is no development any more. Its errors name the variables. It is
// for who answers people: a command that ends, such as migrate, is told nothing of cookies.
func (c Config) MayServe() error {
	if !c.CookieSecure {
		return nil
	}
	password := ""
	if u, err := url.Parse(c.DatabaseURL); err == nil {
		password, _ = u.User.Password()
	}
	var errs []error
	for _, s := range []struct{ name, value string }{
		{"ADMIN_TOKEN", c.AdminToken}, {"IDENTITY_KEY", c.IdentityKey}, {"the password in DATABASE_URL", password},
	} {
		if strings.HasPrefix(s.value, developments) {
			errs = append(errs, fmt.Errorf("%s is the default of development, and COOKIE_SECURE is true: set one of your own, as openssl rand -hex 32 makes it "+
				"(on plain HTTP, in development, COOKIE_SECURE=false)", s.name))
		}
	}
	return errors.Join(errs...)
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
		slog.Int("DB_MAX_CONNS", c.DBMaxConns), slog.String("STORES", string(c.Stores)),
		slog.String("EVENTS", string(c.Events)), slog.Any("KAFKA_ADDRS", c.KafkaAddrs), slog.Bool("KAFKA_TLS", c.KafkaTLS), slog.String("KAFKA_USER", c.KafkaUser),
		slog.String("COMMENTS", string(c.Comments)), slog.Any("COMMENTS_URLS", c.CommentsURLs), slog.Bool("IDENTITY_KEY", c.IdentityKey != ""),
		slog.String("SETTINGS_FILE", c.SettingsFile), slog.String("REDIS_USER", c.RedisUser), slog.Bool("REDIS_PASSWORD", c.RedisPassword != ""),
		slog.String("SESSION_STORE", string(c.SessionStore)), slog.String("PUBLIC_URL", c.PublicURL),
		slog.Bool("COOKIE_SECURE", c.CookieSecure), slog.Any("TRUSTED_PROXIES", c.TrustedProxies),
		slog.String("SMTP_ADDR", c.SMTPAddr), slog.String("MAIL_FROM", c.MailFrom),
		slog.String("DRAIN_NOTICE", c.DrainNotice.String()), slog.String("DRAIN_TIMEOUT", c.DrainTimeout.String()),
		slog.String("REPLICA", c.Replica), slog.String("LOG_LEVEL", c.LogLevel),
		slog.String("OTEL_EXPORTER_OTLP_ENDPOINT", c.Traces),
	)
}
