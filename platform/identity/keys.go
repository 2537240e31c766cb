package identity

import (
	"fmt"
	"log/slog"
	"strings"
)

// shortestKey is in characters: 16 bytes in hexadecimal digits are 32.
const shortestKey = 32

// Keys are the secrets that sign and verify. It is a value and safe for concurrent
// use; the zero value verifies nothing and signs nothing. Printed or logged, it says
// how many keys there are and nothing else.
type Keys struct {
	keys []key
}

// NewKeys reads a list of keys, with commas between them: the first signs, all verify.
// A key is its characters as they are written, 32 at least. Errors name the key by its
// place, never by its text.
func NewKeys(list string) (Keys, error) {
	const mend = "write one of 32 characters or more, as openssl rand -hex 32 makes it"
	if strings.TrimSpace(list) == "" {
		return Keys{}, fmt.Errorf("there is no key: %s", mend)
	}
	var k Keys
	seen := map[string]bool{}
	for i, text := range strings.Split(list, ",") {
		text = strings.TrimSpace(text)
		switch {
		case len(text) < shortestKey:
			return Keys{}, fmt.Errorf("key %d has %d characters: %s", i+1, len(text), mend)
		case seen[text]:
			return Keys{}, fmt.Errorf("key %d is there twice: leave one out", i+1)
		}
		seen[text] = true
		k.keys = append(k.keys, key(text))
	}
	return k, nil
}

// String says how many keys there are.
func (k Keys) String() string { return fmt.Sprintf("%d keys", len(k.keys)) }

// GoString is String: %#v shows no secret either.
func (k Keys) GoString() string { return k.String() }

// LogValue is String.
func (k Keys) LogValue() slog.Value { return slog.StringValue(k.String()) }
