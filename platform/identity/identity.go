package identity

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// Header carries a token from one host of the house to another.
const Header = "Strangler-Identity"

// RoleService is the role of a host that asks for itself.
const RoleService = "service"

// The bounds of what a token says, in bytes. They keep a header small enough for
// every server on the way.
const (
	maxID    = 64
	maxName  = 256 // 60 characters, as accounts allow
	maxRole  = 32
	maxToken = 2048
)

// The kinds of errors of Verify.
var (
	// ErrInvalid is a token that is broken, or signed with another key.
	ErrInvalid = errors.New("the identity is not signed by this house")
	// ErrExpired is a token that was good once.
	ErrExpired = errors.New("the identity has expired")
)

// Identity is who is asking. It is a value.
type Identity struct {
	// ID is the account's, or the name of a service.
	ID   string
	Name string
	// Role is what the account may do, or RoleService.
	Role string
}

// IsService tells whether a host asks for itself.
func (i Identity) IsService() bool { return i.Role == RoleService }

// Service is the identity of a host of that name.
func Service(name string) Identity { return Identity{ID: name, Name: name, Role: RoleService} }

func (i Identity) check() error {
	for _, field := range []struct {
		name, value string
		limit       int
		optional    bool
	}{{"ID", i.ID, maxID, false}, {"Name", i.Name, maxName, true}, {"Role", i.Role, maxRole, false}} {
		switch {
		case field.value == "" && !field.optional:
			return fmt.Errorf("identity's %s is empty: say who it is", field.name)
		case len(field.value) > field.limit:
			return fmt.Errorf("identity's %s has %d bytes: at most %d fit", field.name, len(field.value), field.limit)
		case !utf8.ValidString(field.value):
			return fmt.Errorf("identity's %s is not UTF-8: JSON would change it", field.name)
		}
	}
	return nil
}

// payload is what is signed.
type payload struct {
	ID      string `json:"id"`
	Name    string `json:"name,omitempty"`
	Role    string `json:"role"`
	Expires int64  `json:"exp"` // Unix, in milliseconds
}

// Sign returns a token that says who it is from now until life is over; the first key
// signs. Take some seconds for life, since clocks of two hosts differ. Its errors are
// mistakes of the caller: no key, an identity without id or role, no life.
func (k Keys) Sign(who Identity, now time.Time, life time.Duration) (string, error) {
	if len(k.keys) == 0 {
		return "", errors.New("sign identity: there is no key")
	}
	if life <= 0 {
		return "", fmt.Errorf("sign identity: a life of %s can't be", life)
	}
	if err := who.check(); err != nil {
		return "", fmt.Errorf("sign: %w", err)
	}
	body, err := json.Marshal(payload{who.ID, who.Name, who.Role, now.Add(life).UnixMilli()})
	if err != nil {
		return "", fmt.Errorf("sign identity: %w", err)
	}
	text := base64.RawURLEncoding.EncodeToString(body)
	return text + "." + k.keys[0].sign(text), nil
}

// Verify returns who a token says is asking, if any of the keys signed it and it has
// not expired. Errors: ErrInvalid, ErrExpired. It takes as long for a signature that
// is nearly right as for any other.
func (k Keys) Verify(token string, now time.Time) (Identity, error) {
	if len(token) > maxToken {
		return Identity{}, fmt.Errorf("%w: it has %d bytes", ErrInvalid, len(token))
	}
	text, signature, ok := strings.Cut(token, ".")
	if !ok {
		return Identity{}, fmt.Errorf("%w: it has no signature", ErrInvalid)
	}
	if !k.signed(text, signature) {
		return Identity{}, fmt.Errorf("%w: none of the keys fits", ErrInvalid)
	}
	// From here on it is what one of us wrote.
	body, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	who := Identity{p.ID, p.Name, p.Role}
	if err := who.check(); err != nil {
		return Identity{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if now.UnixMilli() >= p.Expires {
		return Identity{}, ErrExpired
	}
	return who, nil
}

// signed tries all keys, also when one fits already. Signatures are compared as they
// are written: a decoder would take several texts for the same bytes.
func (k Keys) signed(text, signature string) bool {
	fits := false
	for _, key := range k.keys {
		if hmac.Equal([]byte(signature), []byte(key.sign(text))) { // in constant time
			fits = true
		}
	}
	return fits
}

// key is one secret.
type key []byte

// sign covers a text of our own too, so that nothing signed elsewhere with the same
// secret passes here.
func (k key) sign(text string) string {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte("banyan.identity.1\n"))
	mac.Write([]byte(text))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
