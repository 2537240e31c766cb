package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"banyan.dev/platform/hosting"
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
	hosting.Environment // Kafka is not dialled while EVENTS is off; the settings file's public_url wins

	Stores        Stores       `env:"STORES" envDefault:"tangle"`
	Events        Events       `env:"EVENTS" envDefault:"off"`
	Comments      Comments     `env:"COMMENTS" envDefault:"local"`
	CommentsURLs  []string     `env:"COMMENTS_URLS"` // of the comments service's replicas, or of what balances between them
	SettingsFile  string       `env:"SETTINGS_FILE"`
	RedisUser     string       `env:"REDIS_USER"`                        // who signs in at the settings file's redis.url, if it names nobody itself
	RedisPassword string       `env:"REDIS_PASSWORD"`                    // so that the file has no secret in it
	SessionStore  session.Mode `env:"SESSION_STORE" envDefault:"memory"` // the settings file's wins
	CookieSecure  bool         `env:"COOKIE_SECURE" envDefault:"true"`
	SMTPAddr      string       `env:"SMTP_ADDR"` // empty: no mail
	MailFrom      string       `env:"MAIL_FROM" envDefault:"Banyan <banyan@localhost>"`
}

// Load reads a configuration from an environment, "NAME=value" each, and says of
// everything that is wrong with it which variable, which value, and the mend.
func Load(environ []string) (Config, error) {
	cfg := Config{Environment: hosting.Environment{Name: "monolith", ListenAddr: "127.0.0.1:8080", AdminAddr: "127.0.0.1:8081"}}
	if err := hosting.Read(environ, &cfg, &cfg.Environment); err != nil {
		return Config{}, err
	}
	cfg.CommentsURLs = hosting.Trimmed(cfg.CommentsURLs)
	return cfg, cfg.check()
}

// check finds what reads well and still can't work.
func (c Config) check() error {
	checks := []error{c.Environment.Check(), c.CheckPublic("PUBLIC_URL", c.PublicURL), c.checkSeams()}
	if c.SessionStore != session.Memory && c.SessionStore != session.Postgres {
		checks = append(checks, fmt.Errorf("SESSION_STORE %q can't be started with: use memory or postgres; the others are reached by SETTINGS_FILE", c.SessionStore))
	}
	return errors.Join(checks...)
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
	if err := hosting.CheckSite(field, s); err != nil {
		return err
	}
	if u, err := url.Parse(s); err == nil && u.Scheme == "https" && !c.CookieSecure {
		return fmt.Errorf("COOKIE_SECURE=false with %s %q would send sessions over plain HTTP too: leave it out", field, s)
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
	return slog.GroupValue(append(c.Shown(),
		slog.String("STORES", string(c.Stores)), slog.String("EVENTS", string(c.Events)),
		slog.String("COMMENTS", string(c.Comments)), slog.Any("COMMENTS_URLS", c.CommentsURLs),
		slog.String("SETTINGS_FILE", c.SettingsFile), slog.String("REDIS_USER", c.RedisUser), slog.Bool("REDIS_PASSWORD", c.RedisPassword != ""),
		slog.String("SESSION_STORE", string(c.SessionStore)), slog.Bool("COOKIE_SECURE", c.CookieSecure),
		slog.String("SMTP_ADDR", c.SMTPAddr), slog.String("MAIL_FROM", c.MailFrom),
	)...)
}
