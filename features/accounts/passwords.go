package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"banyan.dev/platform/problem"
)

// The cost of one hash, as OWASP's password storage cheat sheet advises for
// argon2id: 19 MiB, two passes, one lane.
const (
	argonMemory = 19 * 1024 // KiB
	argonTime   = 2
	argonLanes  = 1
	argonLength = 32
	saltLength  = 16
)

// queueFor is how long a request waits for its turn to hash before it is told to
// come back.
const queueFor = 5 * time.Second

// Passwords hashes and compares passwords with argon2id (RFC 9106), a bounded
// number at a time: each takes 19 MiB, and a flood of sign-ins must not take all
// memory. It is safe for concurrent use.
type Passwords struct {
	turn  chan struct{}
	decoy string // compared with when there is no account, so that it takes as long
}

// NewPasswords returns a hasher that runs at most atOnce hashes at the same time.
func NewPasswords(atOnce int) *Passwords {
	p := &Passwords{turn: make(chan struct{}, max(1, atOnce))}
	p.decoy = encode(make([]byte, saltLength), make([]byte, argonLength))
	return p
}

// Hash returns the password's hash with its salt and cost, in the PHC string
// format. RateLimited when no turn came in time.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltLength)
	_, _ = rand.Read(salt) // never fails: crypto/rand ends the process instead
	sum, err := p.sum(ctx, password, salt)
	if err != nil {
		return "", err
	}
	return encode(salt, sum), nil
}

// Matches tells whether the password made the hash. An empty hash matches nothing,
// after the same work. RateLimited when no turn came in time.
func (p *Passwords) Matches(ctx context.Context, hash, password string) (bool, error) {
	known := hash != ""
	if !known {
		hash = p.decoy
	}
	salt, want, err := decode(hash)
	if err != nil {
		return false, err
	}
	if len(password) > maxPassword {
		password = "" // no account has one; don't hash what a flood sends
	}
	got, err := p.sum(ctx, password, salt)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(got, want) == 1 && known, nil
}

func (p *Passwords) sum(ctx context.Context, password string, salt []byte) ([]byte, error) {
	wait := time.NewTimer(queueFor)
	defer wait.Stop()
	select {
	case p.turn <- struct{}{}:
		defer func() { <-p.turn }()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-wait.C:
		return nil, problem.New(problem.RateLimited, "too many people are signing in: try again in a moment")
	}
	return argon2.IDKey([]byte(password), salt, argonTime, argonMemory, argonLanes, argonLength), nil
}

func encode(salt, sum []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes, b64(salt), b64(sum))
}

func decode(hash string) (salt, sum []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[1] != "argon2id" {
		return nil, nil, fmt.Errorf("password hash is not argon2id in the PHC format")
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil {
		return nil, nil, fmt.Errorf("decode salt: %w", err)
	}
	if sum, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil {
		return nil, nil, fmt.Errorf("decode hash: %w", err)
	}
	return salt, sum, nil
}
