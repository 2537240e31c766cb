package database

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// Config says which database, and how hard to lean on it.
type Config struct {
	// URL is postgres://user:password@host:port/database?options. Behind PgBouncer
	// add default_query_exec_mode=simple_protocol (prepared statements live in one
	// server connection, and it hands out another each time) and let it ignore the
	// startup parameters that parse sets.
	URL string
	// MaxConns bounds the pool; 0 means 20.
	MaxConns int
	// Name appears in pg_stat_activity; 0 to 63 bytes.
	Name string
	// Wait is how long Open waits for a database that is not up yet; 0 means not at
	// all.
	Wait time.Duration
	// StatementTimeout ends a statement that the request no longer waits for; 0 means
	// 15 s.
	StatementTimeout time.Duration
	// SlowQuery is how long a statement may take without a line in the log; 0 means
	// 250 ms.
	SlowQuery time.Duration
	// Logger may be nil: then nothing is logged.
	Logger *slog.Logger
}

const (
	connectTimeout = 5 * time.Second
	idleInTx       = 30 * time.Second // a transaction that nobody drives holds its locks no longer
)

func (c Config) withDefaults() Config {
	c.MaxConns = cmp.Or(c.MaxConns, 20)
	c.StatementTimeout = cmp.Or(c.StatementTimeout, 15*time.Second)
	c.SlowQuery = cmp.Or(c.SlowQuery, 250*time.Millisecond)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

var errURL = errors.New("DATABASE_URL is no PostgreSQL URL: write it as postgres://user:password@host:5432/database")

// parse reads the URL. Its errors never show a URL that can't be read: there is no
// telling where the password is in it.
func (c Config) parse() (*pgx.ConnConfig, error) {
	if c.URL == "" {
		return nil, errors.New("DATABASE_URL is empty: set it to postgres://user:password@host:5432/database")
	}
	u, err := url.Parse(c.URL)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return nil, errURL
	}
	if c.MaxConns < 1 {
		return nil, fmt.Errorf("DB_MAX_CONNS %d can't be: use at least 1", c.MaxConns)
	}
	config, err := pgx.ParseConfig(c.URL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL %s has an option that is not understood: see the connection parameters in PostgreSQL's manual, 34.1.2", u.Redacted())
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	setDefault(config.RuntimeParams, "application_name", c.Name)
	setDefault(config.RuntimeParams, "statement_timeout", milliseconds(c.StatementTimeout))
	setDefault(config.RuntimeParams, "idle_in_transaction_session_timeout", milliseconds(idleInTx))
	setDefault(config.RuntimeParams, "timezone", "UTC")
	return config, nil
}

// setDefault leaves what the URL says.
func setDefault(params map[string]string, name, value string) {
	if _, said := params[name]; !said && value != "" {
		params[name] = value
	}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// redacted is the URL without its password; it is one that parse has read.
func (c Config) redacted() string {
	u, err := url.Parse(c.URL)
	if err != nil {
		return "(unreadable)"
	}
	if q := u.Query(); q.Has("password") {
		q.Set("password", "xxxxx")
		u.RawQuery = q.Encode()
	}
	return u.Redacted()
}
