package seed

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
)

// chance is what decides about one item: each has a stream of its own, so that a
// change in how one is made leaves the others as they were.
type chance struct{ *rand.Rand }

func chanceOf(seed int64, kind string, index int) chance {
	h := fnv.New64a()
	_, _ = h.Write([]byte(kind)) // a hash never fails
	return chance{rand.New(rand.NewPCG(uint64(seed), h.Sum64()+uint64(index)))}
}

// id is a UUIDv7 of that moment (RFC 9562, 5.7).
func (c chance) id(at time.Time) uuid.UUID {
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:8], uint64(at.UnixMilli())<<16|c.Uint64()&0xfff)
	binary.BigEndian.PutUint64(id[8:], c.Uint64())
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// likely is true so often out of a hundred times.
func (c chance) likely(percent int) bool { return c.IntN(100) < percent }

func (c chance) between(low, high int) int { return low + c.IntN(high-low+1) }

// soon is a span that is mostly short, with a few long ones.
func (c chance) soon(mean time.Duration) time.Duration {
	return (time.Duration(c.ExpFloat64() * float64(mean))).Truncate(time.Second)
}

// skewed is an index below n, the lower the likelier: few posts have most comments.
func (c chance) skewed(n int) int {
	return min(n-1, int(float64(n)*math.Pow(c.Float64(), 2.2)))
}

// of picks one.
func of[T any](c chance, list []T) T { return list[c.IntN(len(list))] }

// some picks n different ones, in a new order.
func some[T any](c chance, n int, list []T) []T {
	out := make([]T, 0, n)
	for _, i := range c.Perm(len(list))[:min(n, len(list))] {
		out = append(out, list[i])
	}
	return out
}
