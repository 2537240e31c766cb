package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// PostgresConfig says where a server lives. The zero value is a throwaway server
// on a free port.
type PostgresConfig struct {
	// Dir holds the data folder, the password and the log. It is made if it is
	// not there, and resumed if it is. Empty: a temporary folder, removed by Stop
	// or, should this process die, by the server's guard. As root, choose one
	// that other users can enter.
	Dir string
	// Port on loopback; 0 takes a free one.
	Port int
	// Progress, if set, is told what takes long: fetching binaries.
	Progress func(what string)
}

// Postgres is a running server. Its methods are safe for concurrent use, except
// Stop, which is called once.
type Postgres struct {
	server   server
	port     int
	password string
}

// StartPostgres starts a real PostgreSQL and returns when it takes connections.
// Binaries come from this machine, else they are fetched once (FindPostgres).
// A folder whose server was killed is recovered as PostgreSQL does it.
//
// The server runs with fsync off: what it acknowledged survives a kill -9 of any
// process, but not a loss of power. It starts no goroutine.
func StartPostgres(ctx context.Context, cfg PostgresConfig) (*Postgres, error) {
	bin, err := FindPostgres(ctx, cfg.Progress)
	if err != nil {
		return nil, err
	}
	acc, err := findAccount()
	if err != nil {
		return nil, err
	}
	p := &Postgres{server: server{name: "postgres"}}
	if err := p.prepare(ctx, bin, acc, cfg.Dir); err != nil {
		p.server.remove()
		return nil, err
	}
	if err := p.start(ctx, bin, acc, cfg.Port); err != nil {
		p.server.remove()
		return nil, err
	}
	return p, nil
}

// prepare fills the folder, unless it is one to resume.
func (p *Postgres) prepare(ctx context.Context, bin Binaries, acc account, dir string) error {
	if err := p.server.makeDir(dir); err != nil {
		return err
	}
	password, err := os.ReadFile(filepath.Join(p.server.dir, "password"))
	if err == nil {
		p.password = string(password)
		return p.checkVersion(bin)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the server's password: %w", err)
	}
	pristine, err := findPristine(ctx, bin, acc)
	if err != nil {
		return err
	}
	// What a copy that was cut short left.
	if err := os.RemoveAll(p.data()); err != nil {
		return fmt.Errorf("remove a half-made data folder: %w", err)
	}
	p.password = pristine.password
	return pristine.copyTo(ctx, acc, p.server.dir)
}

func (p *Postgres) data() string { return filepath.Join(p.server.dir, "data") }

func (p *Postgres) checkVersion(bin Binaries) error {
	has, err := os.ReadFile(filepath.Join(p.data(), "PG_VERSION"))
	if err != nil {
		return fmt.Errorf("read the data folder's version: %w", err)
	}
	if v := strings.TrimSpace(string(has)); v != strconv.Itoa(bin.Version) {
		return fmt.Errorf("the data folder %s was made by PostgreSQL %s, but %s has %d: put PostgreSQL %s first in PATH, or remove the folder",
			p.server.dir, v, bin.Dir, bin.Version, v)
	}
	return nil
}

// startAttempts is more than one because a free port may be taken by another
// process before the server binds it, and the shared memory of a killed server
// may be in use for a moment longer.
const startAttempts = 5

func (p *Postgres) start(ctx context.Context, bin Binaries, acc account, port int) error {
	var err error
	for range startAttempts {
		p.port = port
		if port == 0 {
			if p.port, err = FreePort(); err != nil {
				return err
			}
		}
		err = p.startOnce(ctx, bin, acc)
		if err == nil || ctx.Err() != nil || !mayPass(err, port) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
	return err
}

// mayPass tells failures that another attempt may not meet again.
func mayPass(err error, port int) bool {
	text := err.Error()
	if strings.Contains(text, "Address already in use") {
		return port == 0
	}
	return strings.Contains(text, "pre-existing shared memory block") || strings.Contains(text, `lock file "postmaster.pid" already exists`)
}

func (p *Postgres) startOnce(ctx context.Context, bin Binaries, acc account) error {
	cmd := exec.Command(filepath.Join(bin.Dir, "postgres"), p.arguments()...)
	cmd.Env = serverEnvironment()
	if err := p.server.launch(cmd, acc, filepath.Join(p.data(), "postmaster.pid")); err != nil {
		return err
	}
	return p.server.awaitReady(ctx, p.isOurs)
}

// isOurs asks the server that answers for its data folder: copies of one pristine
// folder share a password, so another one that took the port a moment before would
// let us in as well.
func (p *Postgres) isOurs(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	var folder string
	if err := conn.QueryRow(ctx, "SHOW data_directory").Scan(&folder); err != nil {
		return fmt.Errorf("ask for the data folder: %w", err)
	}
	if folder != p.data() {
		return fmt.Errorf("the PostgreSQL on port %d has another data folder, %s", p.port, folder)
	}
	return nil
}

// arguments tune a server that is small and lives shortly. synchronous_commit
// stays on: what was acknowledged is with the operating system, so a killed
// server loses nothing.
func (p *Postgres) arguments() []string {
	settings := []string{
		"listen_addresses=127.0.0.1", "port=" + strconv.Itoa(p.port), "unix_socket_directories=",
		"fsync=off", "full_page_writes=off", "wal_level=minimal", "max_wal_senders=0",
		"shared_buffers=64MB", "max_connections=200", "max_wal_size=256MB", "min_wal_size=32MB",
		"checkpoint_timeout=30min", "jit=off", "max_parallel_workers_per_gather=0",
		"log_min_messages=warning", "timezone=UTC", "log_timezone=UTC",
	}
	args := []string{"-D", p.data()}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}

// URL is the address of a database on this server, with the superuser's name and
// password.
func (p *Postgres) URL(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("postgres", p.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(p.port)), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// PID of the server's first process; 0 after Stop.
func (p *Postgres) PID() int { return p.server.pid }

// Running reports whether the server has not ended by itself.
func (p *Postgres) Running() bool { return !p.server.gone() }

// CreateDatabase creates an empty database unless it exists already.
func (p *Postgres) CreateDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return fmt.Errorf("connect to create database %q: %w", name, err)
	}
	defer conn.Close(ctx)
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		return fmt.Errorf("look for database %q: %w", name, err)
	}
	if exists {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return fmt.Errorf("create database %q: %w", name, err)
	}
	return nil
}

// Stop ends the server: open connections are cut, what was committed is written.
// When ctx ends first the server is killed, which its data survives, and ctx's
// error is returned. A throwaway folder is removed.
func (p *Postgres) Stop(ctx context.Context) error {
	return p.server.stop(ctx, syscall.SIGINT) // PostgreSQL's "fast shutdown"
}
