package store

import (
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// NewClient opens a pool for the URL; it dials when first used. The bounds are
// short because requests wait behind them: with go-redis's own a Redis that is down
// costs each request 1.7 s of dialling.
func NewClient(url string) (*redis.Client, error) {
	options, err := redis.ParseURL(url)
	if err != nil {
		// Not wrapped: the parser's error quotes the URL, and with it the password.
		return nil, errors.New("redis.url is no Redis address: write redis://[user:password@]host:port/database")
	}
	options.DialTimeout = 500 * time.Millisecond
	options.DialerRetries = 1
	options.MaxRetries = 1 // one more try repairs a connection that Redis closed; every script may run twice
	options.MinRetryBackoff, options.MaxRetryBackoff = 5*time.Millisecond, 20*time.Millisecond
	options.ReadTimeout = time.Second
	options.WriteTimeout = time.Second
	options.PoolTimeout = time.Second
	options.ContextTimeoutEnabled = true
	options.DisableIdentity = true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(options), nil
}

// redisError names what failed and where, without the URL's secrets.
func redisError(client *redis.Client, what string, err error) error {
	return fmt.Errorf("%s in Redis at %s: %w", what, client.Options().Addr, err)
}
