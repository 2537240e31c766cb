package store

import (
	"context"
	"errors"
)

// Remote is what Both needs of Redis beyond Store.
type Remote interface {
	Store
	Put(ctx context.Context, r Record) error
	Revoked(ctx context.Context, hashes []string) ([]string, error)
}

// Both keeps records in memory and in Redis, while sessions move from one to the
// other. It writes both, and reads Redis first, then memory. What Redis says of a
// revoked session counts: a tombstone hides what is in memory.
//
// When Redis fails, so does every operation. Answering from memory would let in
// who was signed out at another replica.
type Both struct {
	Memory *Memory
	Redis  Remote
	// Fill tells whether what is in memory only may be written to Redis: on the way
	// to Redis, and only when all that began in the mode before has ended. Before
	// that, a sign-out that knows nothing of Redis may be under way.
	Fill func() bool
	// Mismatch is told when the two differ although they should not. kind is
	// "missing in redis" or "another session".
	Mismatch func(ctx context.Context, kind string, r Record)
	// Complete tells whether Redis should have all that memory has by now.
	Complete func() bool
}

// Create implements Store. Redis goes first: if it fails nobody is signed in.
func (b *Both) Create(ctx context.Context, r Record) error {
	if err := b.Redis.Create(ctx, r); err != nil {
		return err
	}
	return b.Memory.Create(ctx, r)
}

// Load implements Store.
func (b *Both) Load(ctx context.Context, hash string) (Found, error) {
	complete := b.Complete() // asked first: what is copied while we look is no mismatch
	found, err := b.Redis.Load(ctx, hash)
	if err != nil {
		return Found{}, err
	}
	if found.State == Revoked {
		return found, b.Memory.Revoke(ctx, hash, true)
	}
	local, err := b.Memory.Load(ctx, hash)
	if err != nil || local.State != Live {
		return found, err
	}
	if found.State == Live {
		if !same(found.Record, local.Record) {
			b.Mismatch(ctx, "another session", found.Record)
		}
		return found, nil
	}
	if complete {
		b.Mismatch(ctx, "missing in redis", local.Record)
	}
	return b.fill(ctx, local)
}

// fill writes to Redis what was found in memory only.
func (b *Both) fill(ctx context.Context, local Found) (Found, error) {
	if !b.Fill() {
		return local, nil
	}
	err := b.Redis.Put(ctx, local.Record)
	if errors.Is(err, ErrRevoked) {
		return Found{State: Revoked}, b.Memory.Revoke(ctx, local.Record.Hash, true)
	}
	if err != nil {
		return Found{}, err
	}
	return local, nil
}

// Update implements Store. Memory goes first: what a copy that starts meanwhile
// takes from there is then the new value.
func (b *Both) Update(ctx context.Context, hash string, data []byte) (bool, error) {
	local, err := b.Memory.Update(ctx, hash, data)
	if err != nil {
		return false, err
	}
	if local && b.Fill() {
		return b.put(ctx, hash)
	}
	remote, err := b.Redis.Update(ctx, hash, data)
	if err != nil {
		return false, err
	}
	return local || remote, nil
}

func (b *Both) put(ctx context.Context, hash string) (bool, error) {
	r, ok := b.Memory.get(hash)
	if !ok {
		return false, nil // signed out meanwhile
	}
	err := b.Redis.Put(ctx, r)
	if errors.Is(err, ErrRevoked) {
		return false, b.Memory.Revoke(ctx, hash, true)
	}
	return err == nil, err
}

// Revoke implements Store. The tombstone comes first: whoever finds the session
// gone from memory can rely on the tombstone being there.
func (b *Both) Revoke(ctx context.Context, hash string, known bool) error {
	_, local := b.Memory.get(hash)
	if err := b.Redis.Revoke(ctx, hash, known || local); err != nil {
		return err
	}
	return b.Memory.Revoke(ctx, hash, known)
}

// List implements Store: Redis's, and those of memory that have no tombstone.
func (b *Both) List(ctx context.Context, userID string) ([]Record, error) {
	list, err := b.Redis.List(ctx, userID)
	if err != nil {
		return nil, err
	}
	seen := make(map[string]bool, len(list))
	for _, r := range list {
		seen[r.Hash] = true
	}
	local, err := b.Memory.List(ctx, userID)
	if err != nil {
		return nil, err
	}
	only := map[string]Record{}
	for _, r := range local {
		if !seen[r.Hash] {
			only[r.Hash] = r
		}
	}
	revoked, err := b.Redis.Revoked(ctx, hashes(only))
	if err != nil {
		return nil, err
	}
	for _, hash := range revoked {
		delete(only, hash)
	}
	for _, r := range only {
		list = append(list, r)
	}
	return list, nil
}

// Sweep implements Store.
func (b *Both) Sweep(ctx context.Context) (int, error) { return b.Memory.Sweep(ctx) }

// same compares what never changes in a session's life. Data may differ for the
// moment between two writes.
func same(a, b Record) bool {
	return a.UserID == b.UserID && a.CreatedAt.Equal(b.CreatedAt) && a.Deadline.Equal(b.Deadline)
}

func hashes(records map[string]Record) []string {
	all := make([]string, 0, len(records))
	for hash := range records {
		all = append(all, hash)
	}
	return all
}
