package httpkit

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"

	"github.com/labstack/echo/v4"

	"banyan.dev/platform/problem"
)

// The headers of a retried write, after the IETF draft "The Idempotency-Key HTTP
// Header Field".
const (
	HeaderIdempotencyKey      = "Idempotency-Key"
	HeaderIdempotencyReplayed = "Idempotency-Replayed"
)

const maxKey = 128 // characters

// Key is a client's idempotency key with a hash of what it asked for. It converts
// to contracts.Key. The zero value is no key.
type Key struct {
	Value string
	Hash  [sha256.Size]byte
}

// KeyOf returns the request's idempotency key; the hash covers method, path and
// body, so that the same key with another request is found out. Without the header
// it is the zero Key. Problem: Malformed for a key that is empty, longer than 128
// characters, not visible ASCII, or sent twice.
func KeyOf(c echo.Context, body []byte) (Key, error) {
	r := c.Request()
	values := r.Header.Values(HeaderIdempotencyKey)
	if len(values) == 0 {
		return Key{}, nil
	}
	if len(values) > 1 {
		return Key{}, problem.New(problem.Malformed, "%s is there %d times: send one", HeaderIdempotencyKey, len(values))
	}
	return NewKey(values[0], r.Method, r.URL.EscapedPath(), string(body))
}

// NewKey makes a key of a value and the parts of a request that must stay the same
// when it is sent again. Problem: Malformed as for KeyOf.
func NewKey(value string, parts ...string) (Key, error) {
	if len(value) == 0 || len(value) > maxKey {
		return Key{}, problem.New(problem.Malformed, "%s has %d characters: use 1 to %d", HeaderIdempotencyKey, len(value), maxKey)
	}
	for i := range len(value) {
		if value[i] <= ' ' || value[i] > '~' {
			return Key{}, problem.New(problem.Malformed, "%s %q has a character that is not visible ASCII: use a UUID", HeaderIdempotencyKey, value)
		}
	}
	sum := sha256.New()
	for _, part := range parts {
		writePart(sum, part)
	}
	return Key{Value: value, Hash: [sha256.Size]byte(sum.Sum(nil))}, nil
}

// writePart puts the length before the part, so that no two lists of parts run
// together to the same bytes.
func writePart(sum hash.Hash, part string) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(part)))
	sum.Write(length[:])
	sum.Write([]byte(part))
}

// Replayed marks an answer that repeats an earlier one.
func Replayed(c echo.Context, replayed bool) {
	if replayed {
		c.Response().Header().Set(HeaderIdempotencyReplayed, "true")
	}
}
