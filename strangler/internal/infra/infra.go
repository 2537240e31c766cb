// Package infra is the inside of the processes that hold PostgreSQL, Redis, Kafka
// or the mail sink for a run. They are this tool's own binary under a hidden
// command, so that a server outlives the command that started it and ends with a
// process that can be found again.
//
// The local target starts them and reads what they report. It knows nothing of
// steps or of the blog, but for the name of its database.
package infra

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"time"

	"banyan.dev/platform/embedded"
	"banyan.dev/platform/embedded/embeddedkafka"
	"banyan.dev/platform/watch"
)

// Command is the hidden command's name.
const Command = "internal-infrastructure"

// Database is the first one in PostgreSQL, and the name of the role that owns it.
const Database = "blog"

// Config is what such a process is told.
type Config struct {
	Kind   string // postgres, redis, kafka or mail
	Dir    string // its data
	Ready  string // the file it reports to
	Port   int
	Second int // mail: where the list of messages is
	// Databases are made in PostgreSQL beside the first, each with a role of its own.
	Databases []string
}

// Ready is what it reports when it can be used.
type Ready struct {
	URL string `json:"url"` // PostgreSQL: of the first database
	// URLs are PostgreSQL's other databases, by name.
	URLs map[string]string `json:"urls,omitempty"`
	Kind string            `json:"kind,omitempty"` // Redis: redis-server or library
	List string            `json:"list,omitempty"` // mail
}

// Arguments to start this tool's binary with.
func (c Config) Arguments() []string {
	args := []string{Command, c.Kind, "--dir", c.Dir, "--ready", c.Ready, "--port", strconv.Itoa(c.Port), "--second", strconv.Itoa(c.Second)}
	for _, name := range c.Databases {
		args = append(args, "--database", name)
	}
	return args
}

// stopWithin is how long a server may take to end.
const stopWithin = 10 * time.Second

// Serve starts the server, reports, and stops it when ctx ends. It returns an error
// when the server ends by itself.
func Serve(ctx context.Context, c Config) error {
	ready, running, stop, err := start(ctx, c)
	if err != nil {
		return fmt.Errorf("start %s: %w", c.Kind, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		if err := stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "stop", c.Kind+":", err)
		}
	}()
	report, err := json.Marshal(ready)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := watch.Write(c.Ready, report, 0o600); err != nil { // it may hold a password
		return fmt.Errorf("report: %w", err)
	}
	look := time.NewTicker(time.Second)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
			if !running() {
				return fmt.Errorf("%s ended by itself", c.Kind)
			}
		}
	}
}

func always() bool { return true }

func start(ctx context.Context, c Config) (Ready, func() bool, func(context.Context) error, error) {
	switch c.Kind {
	case "postgres":
		return startPostgres(ctx, c)
	case "redis":
		s, err := embedded.StartRedis(ctx, embedded.RedisConfig{Port: c.Port})
		if err != nil {
			return Ready{}, nil, nil, err
		}
		return Ready{URL: s.URL(), Kind: s.Kind()}, s.Running, s.Stop, nil
	case "kafka":
		s, err := embeddedkafka.Start(ctx, embeddedkafka.Config{Dir: c.Dir, Port: c.Port})
		if err != nil {
			return Ready{}, nil, nil, err
		}
		return Ready{URL: s.Addr()}, always, s.Stop, nil
	case "mail":
		s, err := embedded.StartMail(ctx, embedded.MailConfig{Port: c.Port, HTTPPort: c.Second})
		if err != nil {
			return Ready{}, nil, nil, err
		}
		return Ready{URL: s.Addr(), List: s.URL()}, always, s.Stop, nil
	default:
		return Ready{}, nil, nil, fmt.Errorf("%q is no infrastructure: use postgres, redis, kafka or mail", c.Kind)
	}
}

func startPostgres(ctx context.Context, c Config) (Ready, func() bool, func(context.Context) error, error) {
	say := func(what string) { fmt.Fprintln(os.Stderr, what) }
	pg, err := embedded.StartPostgres(ctx, embedded.PostgresConfig{Dir: c.Dir, Port: c.Port, Progress: say})
	if err != nil {
		return Ready{}, nil, nil, err
	}
	ready, err := provideAll(ctx, pg, c.Databases)
	if err != nil {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
		defer cancel()
		_ = pg.Stop(stopping) // the first error says more
		return Ready{}, nil, nil, err
	}
	return ready, pg.Running, pg.Stop, nil
}

// provideAll makes the databases. Hosts get no superuser's address: what one of them
// may not do in production it may not do here.
func provideAll(ctx context.Context, pg *embedded.Postgres, others []string) (Ready, error) {
	ready := Ready{URLs: map[string]string{}}
	admin := pg.URL("postgres")
	password, err := url.Parse(admin)
	if err != nil {
		return ready, fmt.Errorf("read the server's own address: %w", err)
	}
	secret, _ := password.User.Password()
	for _, name := range append([]string{Database}, others...) {
		address, err := Provide(ctx, admin, Account{Name: name, Password: derived(secret, name)})
		if err != nil {
			return ready, err
		}
		if name == Database {
			ready.URL = address
			continue
		}
		ready.URLs[name] = address
	}
	return ready, nil
}
