package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"time"

	"banyan.dev/platform/broker"
	"banyan.dev/platform/embedded"
	"banyan.dev/platform/embedded/embeddedkafka"
)

// world is the servers of all trials: one PostgreSQL and one Kafka.
type world struct {
	cfg      Config
	postgres *embedded.Postgres
	kafka    *embeddedkafka.Kafka
	broker   *broker.Broker
	dir      string // Kafka's
	addr     string
}

func start(ctx context.Context, c Config) (w *world, err error) {
	w = &world{cfg: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.stop())
		}
	}()
	if w.postgres, err = embedded.StartPostgres(ctx, embedded.PostgresConfig{Progress: c.Say}); err != nil {
		return w, fmt.Errorf("start PostgreSQL: %w", err)
	}
	if w.dir, err = os.MkdirTemp("", "banyan-lab-"); err != nil {
		return w, fmt.Errorf("make a folder for Kafka: %w", err)
	}
	if w.kafka, err = embeddedkafka.Start(ctx, embeddedkafka.Config{Dir: w.dir}); err != nil {
		return w, err
	}
	w.addr = w.kafka.Addr()
	w.broker, err = broker.New(broker.Config{Addrs: []string{w.addr}})
	return w, err
}

// away lets the broker be away for a while. What it has acknowledged, it keeps.
func (w *world) away(ctx context.Context, d time.Duration) error {
	if err := w.kafka.Stop(ctx); err != nil {
		return fmt.Errorf("stop Kafka: %w", err)
	}
	w.kafka = nil
	wait := pause(ctx, d)
	_, text, err := net.SplitHostPort(w.addr)
	if err != nil {
		return err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	if w.kafka, err = embeddedkafka.Start(ctx, embeddedkafka.Config{Dir: w.dir, Port: port}); err != nil {
		return fmt.Errorf("start Kafka again: %w", err)
	}
	return wait
}

func (w *world) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	var errs []error
	if w.broker != nil {
		w.broker.Close()
	}
	if w.kafka != nil {
		errs = append(errs, w.kafka.Stop(ctx))
	}
	if w.dir != "" {
		errs = append(errs, os.RemoveAll(w.dir))
	}
	if w.postgres != nil {
		errs = append(errs, w.postgres.Stop(ctx))
	}
	return errors.Join(errs...)
}
