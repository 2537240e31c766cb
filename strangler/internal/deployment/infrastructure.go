package deployment

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"banyan.dev/strangler/internal/infra"
	"banyan.dev/strangler/internal/steps"
)

// startInfrastructure starts a server in a process of this tool's own binary, or
// checks the one that the user gave.
func (c children) startInfrastructure(ctx context.Context, p steps.Process) error {
	r := c.run
	if given, err := r.checkExternal(ctx, p); given || err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("find this tool's own program: %w", err)
	}
	ports := r.state.Ports[p.Name]
	config := infra.Config{
		Kind: p.Infrastructure, Dir: r.folder.path("data", p.Name), Ready: r.readyFile(p),
		Port: ports.Public, Second: ports.Admin,
	}
	if p.Infrastructure == "postgres" {
		config.Databases = r.path.Databases()
	}
	if err := os.Remove(config.Ready); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget the last start of %s: %w", p.Name, err)
	}
	i, err := c.launch(p, p.Name, self, config.Arguments(), inherited())
	if err != nil {
		return err
	}
	return c.awaitReady(ctx, i, infrastructureWithin, func(context.Context) error {
		_, err := readReady(config.Ready)
		return err
	})
}

func (r *Run) readyFile(p steps.Process) string { return r.folder.path(p.Name + ".ready.json") }

func readReady(file string) (infra.Ready, error) {
	var ready infra.Ready
	content, err := os.ReadFile(file)
	if err != nil {
		return ready, fmt.Errorf("it has not reported yet: %w", err)
	}
	if err := json.Unmarshal(content, &ready); err != nil {
		return ready, fmt.Errorf("read %s: %w", file, err)
	}
	return ready, nil
}

func (r *Run) postgresURL() (string, error) {
	if given := r.state.External.Postgres; given != "" {
		return given, nil
	}
	ready, err := readReady(r.folder.path("postgres.ready.json"))
	if err != nil {
		return "", fmt.Errorf("PostgreSQL has not been started: %w", err)
	}
	return ready.URL, nil
}

// databaseURL is the address of a database beside the first. On a server that the user
// gave it is made when it is asked for first.
func (r *Run) databaseURL(ctx context.Context, name string) (string, error) {
	x := r.state.External
	if given := x.Databases[name]; given != "" {
		return given, nil
	}
	if x.Postgres != "" {
		return r.provideDatabase(ctx, name)
	}
	ready, err := readReady(r.folder.path("postgres.ready.json"))
	if err != nil {
		return "", fmt.Errorf("PostgreSQL has not been started: %w", err)
	}
	if ready.URLs[name] == "" {
		return "", fmt.Errorf("PostgreSQL runs without a database %q: end the run with down and bring it up again", name)
	}
	return ready.URLs[name], nil
}

func (r *Run) redisURL() string {
	if given := r.state.External.Redis; given != "" {
		return given
	}
	return "redis://" + loopback(r.state.Ports["redis"].Public) + "/0"
}

func (r *Run) kafkaAddress() string {
	if given := r.state.External.Kafka; given != "" {
		return given
	}
	return loopback(r.state.Ports["kafka"].Public)
}

// CheckExternal reaches all the infrastructure that the user gave, before
// anything is started.
func (r *Run) CheckExternal(ctx context.Context) error {
	for _, name := range sortedKeys(r.path.Processes) {
		if _, err := r.checkExternal(ctx, r.path.Processes[name]); err != nil {
			return err
		}
	}
	return nil
}

// checkExternal tells whether the user gave this server, and whether it is there.
func (r *Run) checkExternal(ctx context.Context, p steps.Process) (given bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	x := r.state.External
	switch {
	case p.Infrastructure == "postgres" && x.Postgres != "":
		return true, reachPostgres(ctx, "--postgres-url", x.Postgres)
	case p.Infrastructure == "redis" && x.Redis != "":
		u, err := url.Parse(x.Redis)
		if err != nil || u.Host == "" || (u.Scheme != "redis" && u.Scheme != "rediss") {
			return true, errors.New("--redis-url is no Redis address: write redis://[user:password@]host:port/database")
		}
		return true, reach(ctx, "--redis-url", withPort(u.Host, "6379"))
	case p.Infrastructure == "kafka" && x.Kafka != "":
		for _, broker := range strings.Split(x.Kafka, ",") {
			if err := reach(ctx, "--kafka", broker); err != nil {
				return true, err
			}
		}
		return true, nil
	default:
		return false, nil
	}
}

func withPort(host, port string) string {
	if _, _, err := net.SplitHostPort(host); err == nil {
		return host
	}
	return net.JoinHostPort(host, port)
}

func reach(ctx context.Context, flag, address string) error {
	if _, port, err := net.SplitHostPort(address); err != nil {
		return fmt.Errorf("%s %q is no address: write host:port", flag, address)
	} else if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("%s %q has no valid port: write host:port", flag, address)
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("%s: nobody answers at %s (%w): start it, or leave the flag out for an embedded one", flag, address, err)
	}
	return conn.Close()
}

// reachPostgres never shows the address itself: it holds a password.
func reachPostgres(ctx context.Context, flag, address string) error {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return fmt.Errorf("%s is no PostgreSQL address: write postgres://user:password@host:port/database", flag)
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("%s: database %q at %s:%d can't be reached: %w: start it, or leave the flag out for an embedded one",
			flag, config.Database, config.Host, config.Port, err)
	}
	return conn.Close(ctx)
}
