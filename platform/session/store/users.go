package store

import (
	"context"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// userLife bounds how stale a record can be when an invalidation was lost with
	// the process that should have sent it.
	userLife = time.Minute
	// markLife is how long after an invalidation nothing is cached. A record read
	// from the database before the change is kept only within loadBound, which is
	// less: so it meets the mark and is dropped.
	markLife  = 5 * time.Second
	loadBound = 3 * time.Second
)

// Users caches user records in Redis, under keys of one generation. They are read
// along with a session, by Redis.Load.
type Users struct {
	client  *redis.Client
	records string // prefix
	now     func() time.Time
}

// NewUsers uses the client, which stays the caller's. The generation is the
// sessions' own: while they live in memory nothing is invalidated, so what an
// earlier way to Redis has cached must not be found on the next one.
func NewUsers(client *redis.Client, generation int, now func() time.Time) *Users {
	return &Users{client: client, records: recordsPrefix(generation), now: now}
}

func recordsPrefix(generation int) string { return "banyan:u:" + strconv.Itoa(generation) + ":" }

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
	err := cacheScript.Run(ctx, u.client, []string{u.records + userID}, record, userLife.Milliseconds()).Err()
	if err != nil {
		return redisError(u.client, "keep user record", err)
	}
	return nil
}

// Invalidate forgets the record and, for a while, keeps anybody from caching what
// was read before.
func (u *Users) Invalidate(ctx context.Context, userID string) error {
	if err := u.client.Set(ctx, u.records+userID, "", markLife).Err(); err != nil {
		return redisError(u.client, "invalidate user record", err)
	}
	return nil
}
