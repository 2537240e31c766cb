package embedded

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/alicebob/miniredis/v2"
)

// RedisConfig says where a Redis lives. The zero value is a throwaway one on a
// free port.
type RedisConfig struct {
	// Port on loopback; 0 takes a free one.
	Port int
	// Library asks for the library even where a redis-server is found.
	Library bool
}

// Redis is a running Redis: a redis-server, or the library in this process. It
// keeps nothing on disk; when it dies, what it held is gone.
type Redis struct {
	server  server
	port    int
	library *miniredis.Miniredis
	stopped chan struct{}
	done    chan struct{}
}

// StartRedis starts a Redis and returns when it answers. The library starts
// goroutines that end with Stop; a redis-server needs none.
func StartRedis(ctx context.Context, cfg RedisConfig) (*Redis, error) {
	if cfg.Port != 0 {
		return startRedis(ctx, cfg)
	}
	// Somebody may take the free port between the look and the start.
	var r *Redis
	var err error
	for range 3 {
		if cfg.Port, err = FreePort(); err != nil {
			return nil, err
		}
		if r, err = startRedis(ctx, cfg); err == nil || ctx.Err() != nil {
			return r, err
		}
	}
	return nil, err
}

func startRedis(ctx context.Context, cfg RedisConfig) (*Redis, error) {
	r := &Redis{port: cfg.Port, server: server{name: "redis"}}
	program, err := exec.LookPath("redis-server")
	if err != nil || cfg.Library {
		if err := r.startLibrary(); err != nil {
			return nil, err
		}
		return r, nil
	}
	if err := r.startServer(ctx, program); err != nil {
		r.server.remove()
		return nil, err
	}
	return r, nil
}

func (r *Redis) startServer(ctx context.Context, program string) error {
	if err := r.server.makeDir(""); err != nil {
		return err
	}
	pidFile := filepath.Join(r.server.dir, "pid")
	// noeviction: Redis that evicts under pressure signs people out.
	cmd := exec.Command(program, "--port", strconv.Itoa(r.port), "--bind", "127.0.0.1",
		"--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction",
		"--dir", r.server.dir, "--pidfile", pidFile, "--databases", "16")
	if err := r.server.launch(cmd, account{}, pidFile); err != nil {
		return err
	}
	return r.server.awaitReady(ctx, func(ctx context.Context) error { return r.ping(ctx, pidFile) })
}

// ping asks the server for its pid file, which is ours alone: another Redis may have
// taken the port a moment before, and would answer as well. It speaks the protocol by
// hand, for a few lines are not worth a client.
func (r *Redis) ping(ctx context.Context, pidFile string) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", r.Addr())
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline)
	}
	if _, err := conn.Write([]byte("CONFIG GET pidfile\r\n")); err != nil {
		return err
	}
	// *2, $7, pidfile, $length, and the value
	var line string
	for in := bufio.NewReader(conn); line == "" || line[0] == '*' || line[0] == '$' || line == "pidfile"; {
		if line, err = in.ReadString('\n'); err != nil {
			return err
		}
		line = strings.TrimRight(line, "\r\n")
	}
	if line != pidFile {
		return fmt.Errorf("what answers on %s is not the Redis just started: it says %q", r.Addr(), line)
	}
	return nil
}

// startLibrary gives the library a clock: by itself it expires nothing. Once a
// second is enough for sessions, and finer ticks are slow with many keys.
func (r *Redis) startLibrary() error {
	r.library = miniredis.NewMiniRedis()
	if err := r.library.StartAddr(r.Addr()); err != nil {
		return fmt.Errorf("start the Redis library on port %d: %w", r.port, err)
	}
	r.stopped, r.done = make(chan struct{}), make(chan struct{})
	go func() {
		defer close(r.done)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-r.stopped:
				return
			case <-tick.C:
				r.library.FastForward(time.Second)
			}
		}
	}()
	return nil
}

// Addr is host:port.
func (r *Redis) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(r.port)) }

// URL is the address of database 0, as go-redis parses it.
func (r *Redis) URL() string { return "redis://" + r.Addr() + "/0" }

// Kind is "redis-server" or "library".
func (r *Redis) Kind() string {
	if r.library != nil {
		return "library"
	}
	return "redis-server"
}

// Running reports whether it has not ended by itself.
func (r *Redis) Running() bool { return r.library != nil || !r.server.gone() }

// Stop ends it. Call it once.
func (r *Redis) Stop(ctx context.Context) error {
	if r.library != nil {
		close(r.stopped)
		<-r.done
		r.library.Close()
		return nil
	}
	return r.server.stop(ctx, syscall.SIGTERM)
}
