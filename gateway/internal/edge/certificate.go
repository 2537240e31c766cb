package edge

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"sync/atomic"

	"banyan.dev/platform/watch"
)

// Certificate is a pair of files whose newest valid content is in use: certificates
// are renewed while the gateway runs. It is safe for concurrent use.
type Certificate struct {
	current atomic.Pointer[tls.Certificate]
	wait    []func()
	stop    context.CancelFunc
}

// Follow reads the two PEM files now and after each change. A change that makes no
// pair, as in the moment between the two writes, leaves the last one in use.
func Follow(ctx context.Context, certFile, keyFile string, logger *slog.Logger) (*Certificate, error) {
	c := &Certificate{}
	if err := c.load(certFile, keyFile); err != nil {
		return nil, err
	}
	ctx, c.stop = context.WithCancel(ctx)
	for _, file := range []string{certFile, keyFile} {
		wait, err := watch.File(ctx, file, logger, func([]byte) {
			if err := c.load(certFile, keyFile); err != nil {
				logger.WarnContext(ctx, "certificate not taken over; the last one stays", "error", err)
			}
		})
		if err != nil {
			c.Close()
			return nil, fmt.Errorf("watch %s: %w", file, err)
		}
		c.wait = append(c.wait, wait)
	}
	return c, nil
}

func (c *Certificate) load(certFile, keyFile string) error {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return fmt.Errorf("TLS_CERT_FILE %q and TLS_KEY_FILE %q make no pair: %w", certFile, keyFile, err)
	}
	c.current.Store(&pair)
	return nil
}

// Close ends the watching.
func (c *Certificate) Close() {
	c.stop()
	for _, wait := range c.wait {
		wait()
	}
}

func (c *Certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return c.current.Load(), nil
}
