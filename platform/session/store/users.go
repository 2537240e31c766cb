package store

import (
	"context"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	userPrefix = "banyan:u:"
	// userLife bounds how stale a record can be when an invalidation was lost with
	// the process that should have sent it.
	userLife = time.Minute
	// markLife is how long after an invalidation nothing is cached. A record read
	// from the database before the change is kept only within loadBound, which is
	// less: so it meets the mark and is dropped.
	markLife  = 5 * time.Second
	loadBound = 3 * time.Second
)

// Users caches user records in Redis. Its records come along with a session's
// Load; Get is for when there was none.
type Users struct {
	client *redis.Client
	now    func() time.Time
}

// NewUsers uses the client, which stays the caller's.
func NewUsers(client *redis.Client, now func() time.Time) *Users {
	return &Users{client: client, now: now}
}

// Get is the cached record, or nil.
func (u *Users) Get(ctx context.Context, userID string) ([]byte, error) {
	value, err := u.client.Get(ctx, userPrefix+userID).Bytes()
	if errors.Is(err, redis.Nil) {
		return nil, nil
	}
	if err != nil {
		return nil, redisError(u.client, "read user record", err)
	}
	if len(value) == 0 {
		return nil, nil
	}
	return value, nil
}

// Keep caches a record whose reading from the database began at since. A record
// that took long to read is not kept: it may be older than an invalidation whose
// mark is gone by now.
func (u *Users) Keep(ctx context.Context, userID string, record []byte, since time.Time) error {
	left := loadBound - u.now().Sub(since)
	if left <= 0 || len(record) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, min(left, time.Second))
	defer cancel()
	err := cacheScript.Run(ctx, u.client, []string{userPrefix + userID}, record, userLife.Milliseconds()).Err()
	if err != nil {
		return redisError(u.client, "keep user record", err)
	}
	return nil
}

// Invalidate forgets the record and, for a while, keeps anybody from caching what
// was read before.
func (u *Users) Invalidate(ctx context.Context, userID string) error {
	if err := u.client.Set(ctx, userPrefix+userID, "", markLife).Err(); err != nil {
		return redisError(u.client, "invalidate user record", err)
	}
	return nil
}
