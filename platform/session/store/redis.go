package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
)

// batch is how many sessions go into one pipeline when they are copied or loaded.
const batch = 200

// Redis keeps records in Redis, under keys of one generation:
//
//	banyan:s:<generation>:k:<hash>  a hash: the session, or its tombstone (field gone)
//	banyan:s:<generation>:u:<user>  a sorted set: the hashes of a user's sessions
//	banyan:u:<generation>:<user>    a user's record, where they are cached (see Users)
//
// A tombstone has the session's own key, so every read and write meets it.
type Redis struct {
	client   *redis.Client
	limits   Limits
	sessions string // prefix
	indexes  string // prefix
	records  string // prefix of user records, "" when they are not cached
}

// NewRedis uses the client, which stays the caller's. With records set, Load also
// brings the user's record from the cache (see Users).
func NewRedis(client *redis.Client, generation int, limits Limits, records bool) *Redis {
	prefix := "banyan:s:" + strconv.Itoa(generation)
	s := &Redis{client: client, limits: limits, sessions: prefix + ":k:", indexes: prefix + ":u:"}
	if records {
		s.records = recordsPrefix(generation)
	}
	return s
}

// Create implements Store.
func (s *Redis) Create(ctx context.Context, r Record) error {
	return s.Put(ctx, r)
}

// Put writes the whole record, whether or not it is there. ErrRevoked if it has a
// tombstone.
func (s *Redis) Put(ctx context.Context, r Record) error {
	written, err := putScript.Run(ctx, s.client, s.keys(r), s.fields(r)...).Int()
	if err != nil {
		return redisError(s.client, "write session", err)
	}
	if written == 0 {
		return ErrRevoked
	}
	return nil
}

// Load implements Store, in one round trip.
func (s *Redis) Load(ctx context.Context, hash string) (Found, error) {
	now := s.limits.now()
	values, err := loadScript.Run(ctx, s.client, []string{s.sessions + hash},
		millis(now), s.limits.Idle.Milliseconds(), s.limits.touchEvery().Milliseconds(), s.records).Slice()
	if err != nil {
		return Found{}, redisError(s.client, "load session", err)
	}
	state, _ := values[0].(int64)
	if State(state) != Live {
		return Found{State: State(state)}, nil
	}
	r, err := record(hash, values[1:])
	if err != nil {
		return Found{}, redisError(s.client, "load session", err)
	}
	found := Found{State: Live, Record: r}
	// An empty record is the mark of an invalidation, not a record.
	if len(values) > 8 {
		if user, _ := values[8].(string); user != "" {
			found.User = []byte(user)
		}
	}
	return found, nil
}

// Update implements Store.
func (s *Redis) Update(ctx context.Context, hash string, data []byte) (bool, error) {
	state, err := s.update(ctx, hash, data)
	return state == Live, err
}

func (s *Redis) update(ctx context.Context, hash string, data []byte) (State, error) {
	state, err := updateScript.Run(ctx, s.client, []string{s.sessions + hash},
		data, millis(s.limits.now()), s.limits.Idle.Milliseconds()).Int()
	if err != nil {
		return Absent, redisError(s.client, "update session", err)
	}
	return State(state), nil
}

// Revoke implements Store. The tombstone stays as long as a session may live.
func (s *Redis) Revoke(ctx context.Context, hash string, known bool) error {
	seen := "0"
	if known {
		seen = "1"
	}
	err := revokeScript.Run(ctx, s.client, []string{s.sessions + hash},
		millis(s.limits.now()), s.limits.Absolute.Milliseconds(), seen, s.indexes, hash).Err()
	if err != nil {
		return redisError(s.client, "revoke session", err)
	}
	return nil
}

// List implements Store, in one round trip.
func (s *Redis) List(ctx context.Context, userID string) ([]Record, error) {
	rows, err := listScript.Run(ctx, s.client, []string{s.indexes + userID},
		millis(s.limits.now()), s.limits.Idle.Milliseconds(), s.sessions).Slice()
	if err != nil {
		return nil, redisError(s.client, "list sessions", err)
	}
	list := make([]Record, 0, len(rows))
	for _, row := range rows {
		values, ok := row.([]any)
		if !ok || len(values) == 0 {
			return nil, redisError(s.client, "list sessions", fmt.Errorf("unexpected row of type %T", row))
		}
		hash, _ := values[0].(string)
		r, err := record(hash, values[1:])
		if err != nil {
			return nil, redisError(s.client, "list sessions", err)
		}
		list = append(list, r)
	}
	return list, nil
}

// Sweep implements Store: Redis expires by itself.
func (s *Redis) Sweep(context.Context) (int, error) { return 0, nil }

// Copy brings records from a memory: never over a tombstone nor over a value.
func (s *Redis) Copy(ctx context.Context, records []Record) error {
	for len(records) > 0 {
		part := records[:min(batch, len(records))]
		records = records[len(part):]
		_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for _, r := range part {
				copyScript.Eval(ctx, pipe, s.keys(r), s.fields(r)...)
			}
			return nil
		})
		if err != nil {
			return redisError(s.client, "copy sessions", err)
		}
	}
	return nil
}

// All hands over every live session, in parts. One that is written while All runs
// may or may not be among them; one may come twice.
func (s *Redis) All(ctx context.Context, take func([]Record)) error {
	var cursor uint64
	for {
		keys, next, err := s.client.Scan(ctx, cursor, s.sessions+"*", 500).Result()
		if err != nil {
			return redisError(s.client, "scan sessions", err)
		}
		records, err := s.read(ctx, keys)
		if err != nil {
			return err
		}
		take(records)
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// read gets the sessions at keys; tombstones and what is gone are left out.
func (s *Redis) read(ctx context.Context, keys []string) ([]Record, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	replies := make([]*redis.SliceCmd, len(keys))
	_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
		for i, key := range keys {
			replies[i] = pipe.HMGet(ctx, key, "user", "data", "created", "seen", "deadline", "agent", "address")
		}
		return nil
	})
	if err != nil {
		return nil, redisError(s.client, "read sessions", err)
	}
	now := s.limits.now()
	var records []Record
	for i, reply := range replies {
		if reply.Val()[0] == nil {
			continue
		}
		r, err := record(keys[i][len(s.sessions):], reply.Val())
		if err != nil {
			return nil, redisError(s.client, "read sessions", err)
		}
		if s.limits.live(r, now) {
			records = append(records, r)
		}
	}
	return records, nil
}

// Revoked tells which of the hashes have a tombstone.
func (s *Redis) Revoked(ctx context.Context, hashes []string) ([]string, error) {
	var revoked []string
	for len(hashes) > 0 {
		part := hashes[:min(batch, len(hashes))]
		hashes = hashes[len(part):]
		replies := make([]*redis.BoolCmd, len(part))
		_, err := s.client.Pipelined(ctx, func(pipe redis.Pipeliner) error {
			for i, hash := range part {
				replies[i] = pipe.HExists(ctx, s.sessions+hash, "gone")
			}
			return nil
		})
		if err != nil {
			return nil, redisError(s.client, "look for tombstones", err)
		}
		for i, reply := range replies {
			if reply.Val() {
				revoked = append(revoked, part[i])
			}
		}
	}
	return revoked, nil
}

func (s *Redis) keys(r Record) []string {
	return []string{s.sessions + r.Hash, s.indexes + r.UserID}
}

// fields are the arguments of write.lua. An expired record gets the shortest life,
// since PEXPIRE refuses none.
func (s *Redis) fields(r Record) []any {
	now := s.limits.now()
	ttl := max(s.limits.Expires(r).Sub(now), time.Millisecond)
	index := max(r.Deadline.Sub(now), time.Millisecond)
	return []any{r.Hash, r.UserID, r.Data, millis(r.CreatedAt), millis(r.LastSeen), millis(r.Deadline),
		r.UserAgent, r.Address, ttl.Milliseconds(), index.Milliseconds(), s.sessions}
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// record reads user, data, created, seen, deadline, agent, address.
func record(hash string, values []any) (Record, error) {
	if len(values) < 7 {
		return Record{}, fmt.Errorf("session has %d fields, want 7", len(values))
	}
	var text [7]string
	for i := range text {
		text[i], _ = values[i].(string)
	}
	created, err1 := instant(text[2])
	seen, err2 := instant(text[3])
	deadline, err3 := instant(text[4])
	if err := errors.Join(err1, err2, err3); err != nil {
		return Record{}, fmt.Errorf("session's times: %w", err)
	}
	return Record{Hash: hash, UserID: text[0], Data: []byte(text[1]), CreatedAt: created, LastSeen: seen,
		Deadline: deadline, UserAgent: text[5], Address: text[6]}, nil
}

func instant(text string) (time.Time, error) {
	ms, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, err
	}
	return time.UnixMilli(ms).UTC(), nil
}
