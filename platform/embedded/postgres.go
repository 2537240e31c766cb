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
	dir       string
	port      int
	password  string
	throwaway bool
	pid       int
	guard     *guard
}

// StartPostgres starts a real PostgreSQL and returns when it takes connections.
// Binaries come from this machine, else they are fetched once (FetchPostgres).
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
	p := &Postgres{dir: cfg.Dir, throwaway: cfg.Dir == ""}
	if err := p.prepare(ctx, bin, acc); err != nil {
		p.removeIfThrowaway()
		return nil, err
	}
	if err := p.start(ctx, bin, acc, cfg.Port); err != nil {
		p.removeIfThrowaway()
		return nil, err
	}
	return p, nil
}

// prepare fills the folder, unless it is one to resume.
func (p *Postgres) prepare(ctx context.Context, bin Binaries, acc account) error {
	if err := p.makeDir(); err != nil {
		return err
	}
	password, err := os.ReadFile(filepath.Join(p.dir, "password"))
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
	if err := os.RemoveAll(filepath.Join(p.dir, "data")); err != nil {
		return fmt.Errorf("remove a half-made data folder: %w", err)
	}
	p.password = pristine.password
	return pristine.copyTo(ctx, acc, p.dir)
}

func (p *Postgres) makeDir() error {
	if !p.throwaway {
		abs, err := filepath.Abs(p.dir)
		if err != nil {
			return fmt.Errorf("resolve the server's folder %s: %w", p.dir, err)
		}
		p.dir = abs
		if err := os.MkdirAll(abs, 0o755); err != nil {
			return fmt.Errorf("make the server's folder: %w", err)
		}
		return nil
	}
	dir, err := os.MkdirTemp("", "banyan-postgres-*")
	if err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	p.dir = dir
	if err := os.Chmod(dir, 0o755); err != nil { // MkdirTemp's 0700 would shut the server's user out
		return fmt.Errorf("open the temporary folder: %w", err)
	}
	return nil
}

func (p *Postgres) checkVersion(bin Binaries) error {
	has, err := os.ReadFile(filepath.Join(p.dir, "data", "PG_VERSION"))
	if err != nil {
		return fmt.Errorf("read the data folder's version: %w", err)
	}
	if v := strings.TrimSpace(string(has)); v != strconv.Itoa(bin.Version) {
		return fmt.Errorf("the data folder %s was made by PostgreSQL %s, but %s has %d: put PostgreSQL %s first in PATH, or remove the folder",
			p.dir, v, bin.Dir, bin.Version, v)
	}
	return nil
}

// attempts to start: a free port may be taken by another process before the
// server binds it, and shared memory of a killed server may be in use for a
// moment longer.
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
	return strings.Contains(text, "pre-existing shared memory block") || strings.Contains(text, "lock file \"postmaster.pid\" already exists")
}

func (p *Postgres) startOnce(ctx context.Context, bin Binaries, acc account) error {
	log, err := os.Create(filepath.Join(p.dir, "log"))
	if err != nil {
		return fmt.Errorf("make the server's log: %w", err)
	}
	defer log.Close()
	cmd := exec.Command(filepath.Join(bin.Dir, "postgres"), p.arguments()...)
	cmd.Dir = "/"
	cmd.Env = serverEnvironment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: acc.credential, Setpgid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	p.pid = cmd.Process.Pid
	_ = cmd.Process.Release() // waited for by pid, see gone
	if p.guard, err = startGuard(p.pid, p.dir, p.throwaway); err != nil {
		p.kill()
		return err
	}
	if err := p.awaitReady(ctx); err != nil {
		p.kill()
		p.guard.dismiss()
		return err
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
	args := []string{"-D", filepath.Join(p.dir, "data")}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	return args
}

func (p *Postgres) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	for {
		if p.gone() {
			return fmt.Errorf("PostgreSQL ended at its start: %s", p.lastLog())
		}
		err := p.ping(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("PostgreSQL on port %d is not ready: %w (%s)", p.port, err, p.lastLog())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// ping is bounded, since another process may hold the port and say nothing.
func (p *Postgres) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// gone reports whether the server has ended, and reaps it. Waiting without
// blocking needs no goroutine, which every user's leak test would find.
func (p *Postgres) gone() bool {
	if p.pid == 0 {
		return true
	}
	reaped, err := syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
	if reaped == p.pid || errors.Is(err, syscall.ECHILD) {
		p.pid = 0
		return true
	}
	return false
}

func (p *Postgres) kill() {
	if p.gone() {
		return
	}
	_ = syscall.Kill(p.pid, syscall.SIGKILL)
	_, _ = syscall.Wait4(p.pid, nil, 0, nil)
	p.pid = 0
}

func (p *Postgres) lastLog() string {
	out, err := os.ReadFile(filepath.Join(p.dir, "log"))
	if err != nil {
		return "its log can't be read: " + err.Error()
	}
	return lastLines(out, 5)
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

// PID of the server's first process. 0 after Stop.
func (p *Postgres) PID() int { return p.pid }

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
// When ctx ends first the server is killed, which it survives, and ctx's error
// is returned. A throwaway folder is removed.
func (p *Postgres) Stop(ctx context.Context) error {
	defer p.removeIfThrowaway()
	defer p.guard.dismiss()
	if p.gone() {
		return nil
	}
	if err := syscall.Kill(p.pid, syscall.SIGINT); err != nil { // "fast shutdown"
		return fmt.Errorf("ask PostgreSQL to end: %w", err)
	}
	for !p.gone() {
		select {
		case <-ctx.Done():
			p.kill()
			return fmt.Errorf("PostgreSQL did not end in time and was killed: %w", ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}

func (p *Postgres) removeIfThrowaway() {
	if p.throwaway && p.dir != "" {
		_ = os.RemoveAll(p.dir)
	}
}

// FreePort returns a port on loopback that nobody listened on a moment ago.
func FreePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
