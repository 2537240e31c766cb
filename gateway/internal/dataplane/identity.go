package dataplane

import (
	"encoding/hex"
	"math/rand/v2"

	"banyan.dev/gateway/internal/policy"
	"banyan.dev/platform/telemetry"
)

// Ids need to be unlikely to meet, not secret: the runtime's generator (ChaCha8,
// seeded by the system) makes them without a system call for each request.

// appendRequestID appends the client's id if it can be kept, else a new one.
func appendRequestID(dst, sent []byte) []byte {
	if policy.SaneRequestID(sent) {
		return append(dst, sent...)
	}
	return appendRandom(appendRandom(dst))
}

// appendTraceparent appends the trace the request belongs to with a span of the
// gateway's, or a new trace (https://www.w3.org/TR/trace-context/).
func appendTraceparent(dst, sent []byte) []byte {
	if len(sent) > 0 {
		if _, ok := telemetry.ParseTraceparent(string(sent)); ok {
			dst = append(dst, "00"...)
			dst = append(dst, sent[2:36]...) // -trace-
			dst = appendRandom(dst)
			return append(dst, sent[52:55]...) // -flags
		}
	}
	dst = append(dst, "00-"...)
	dst = appendRandom(appendRandom(dst))
	dst = append(dst, '-')
	dst = appendRandom(dst)
	return append(dst, "-01"...)
}

// appendRandom appends eight random bytes, never all zeros, in hexadecimal.
func appendRandom(dst []byte) []byte {
	n := rand.Uint64() | 1
	var b [8]byte
	for i := range b {
		b[i] = byte(n >> (8 * i))
	}
	return hex.AppendEncode(dst, b[:])
}
