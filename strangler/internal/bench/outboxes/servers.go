package outboxes

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/embedded"
	"banyan.dev/platform/embedded/embeddedkafka"
	"banyan.dev/strangler/internal/bench/peers"
)

// servers are what all contenders use.
type servers struct {
	config   Config
	postgres *embedded.Postgres // nil: one was given
	name     string             // of this run's databases and topics
	made     int
}

const (
	// partitions is how many a topic has: what the outbox shards by, and so what may
	// be sent side by side.
	partitions = 12
	// keep is how long a Kafka that was given keeps a turn's messages.
	keep       = time.Hour
	stopWithin = 10 * time.Second
)

func startServers(ctx context.Context, config Config) (*servers, error) {
	s := &servers{config: config, name: "banyan_bench_" + strings.ToLower(rand.Text()[:8])}
	if config.Postgres != "" {
		return s, nil
	}
	var err error
	if s.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Progress: config.Say}); err != nil {
		return nil, fmt.Errorf("start PostgreSQL: %w", err)
	}
	return s, nil
}

func (s *servers) stop() error {
	if s.postgres == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	return s.postgres.Stop(ctx)
}

// place is the database and the topic of one turn.
type place struct {
	url   string
	kafka []string
	topic broker.Topic
	// close drops the database, and ends the Kafka if it is embedded. The topic of a
	// given one stays for an hour.
	close func() error
}

// place makes a new one, so that no turn finds what another left.
func (s *servers) place(ctx context.Context) (place, error) {
	s.made++
	name := fmt.Sprintf("%s_%d", s.name, s.made)
	p := place{kafka: s.config.Kafka, topic: broker.Topic{Name: name, Partitions: partitions, Retention: keep}, close: func() error { return nil }}
	admin, err := s.admin(ctx, "CREATE DATABASE "+name)
	if err != nil {
		return p, err
	}
	p.url = withDatabase(admin, name)
	p.close = func() error { return s.drop(ctx, name) }
	if len(p.kafka) > 0 {
		return p, nil
	}
	kafka, err := embeddedkafka.Start(ctx, embeddedkafka.Config{})
	if err != nil {
		return p, errors.Join(fmt.Errorf("start Kafka: %w", err), p.close())
	}
	p.kafka, p.topic.Replicas = []string{kafka.Addr()}, 1
	p.close = func() error { return errors.Join(kafka.Stop(context.WithoutCancel(ctx)), s.drop(ctx, name)) }
	return p, nil
}

// drop also works when ctx has ended.
func (s *servers) drop(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	_, err := s.admin(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	return err
}

// admin runs a statement and returns the URL that it used. An error never shows the
// URL: it has a password.
func (s *servers) admin(ctx context.Context, statement string) (string, error) {
	address := s.config.Postgres
	if s.postgres != nil {
		address = s.postgres.URL("postgres")
	}
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return "", errors.New("--postgres-url is no PostgreSQL address: write postgres://user:password@host:port/database")
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return "", fmt.Errorf("PostgreSQL at %s:%d can't be reached: %w: start it, or leave --postgres-url out for an embedded one", config.Host, config.Port, err)
	}
	_, err = conn.Exec(ctx, statement)
	err = errors.Join(err, conn.Close(ctx))
	if err != nil {
		return "", fmt.Errorf("%s: %w: the user needs the right to make databases", statement, err)
	}
	return address, nil
}

func withDatabase(address, name string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address // pgx has read it a moment ago
	}
	u.Path = "/" + name
	return u.String()
}

// cpu is the seconds of processor time that the embedded PostgreSQL took so far.
func (s *servers) cpu() float64 {
	if s.postgres == nil {
		return 0
	}
	return peers.UsageOf(s.postgres.PID()).CPU.Seconds()
}
