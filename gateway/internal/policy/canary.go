package policy

import (
	"crypto/rand"
	"encoding/hex"
	"time"

	"github.com/cespare/xxhash/v2"

	"banyan.dev/gateway/internal/config"
)

// Canary is a route's second owner and who goes there.
type Canary struct {
	Owner *Owner
	// Share is in hundredths of a percent.
	Share int
	By    config.Key
	// Timeout is the route's own, or else that of the canary's owner.
	Timeout time.Duration
	seed    uint64
}

// Side is the owner that answers a request, and why that one.
type Side struct {
	Owner  *Owner
	Canary bool
	// Overridden tells that a tester's token decided.
	Overridden bool
	// Mint tells that the client needs the gateway's own user cookie, to be the
	// same one next time: it is in User.
	Mint bool
}

// NewCanary returns the canary of a configuration, to the owner given.
func NewCanary(c *config.Canary, owner *Owner) *Canary {
	if c == nil {
		return nil
	}
	return &Canary{Owner: owner, Share: c.Share, By: c.By, Timeout: c.Timeout, seed: xxhash.Sum64String(c.Salt)}
}

// Bucket is where a client stands among all, from 0 to 9999: who is below the share
// is in. It is the same at every gateway and in every version of it, and it does not
// depend on the share, so that a larger share only adds clients.
func (c *Canary) Bucket(key []byte) int {
	var d xxhash.Digest
	d.ResetWithSeed(c.seed)
	_, _ = d.Write(key)
	return int(d.Sum64() % config.WholeShare)
}

// Side chooses the owner that answers the request. A client without the key that
// the canary goes by stays with the route's owner, unless the key is the gateway's
// to give: then it is made, and set with the answer.
func (r *Route) Side(req *Request, keys *Keys) Side {
	c := r.Canary
	if c == nil {
		return Side{Owner: r.Owner}
	}
	if owner := r.overridden(req, keys); owner != nil {
		return Side{Owner: owner, Canary: owner == c.Owner, Overridden: true}
	}
	key, mint := keys.of(c.By, req)
	if len(key) > 0 && c.Bucket(key) < c.Share {
		return Side{Owner: c.Owner, Canary: true, Mint: mint}
	}
	return Side{Owner: r.Owner, Mint: mint}
}

// userBytes is how long the gateway's own user cookie is before it is written in
// hexadecimal: long enough that nobody guesses another's.
const userBytes = 16

// AppendUser appends a new value for the gateway's user cookie.
func AppendUser(dst []byte) []byte {
	var b [userBytes]byte
	_, _ = rand.Read(b[:]) // it never fails (crypto/rand)
	return hex.AppendEncode(dst, b[:])
}

// AppendUserCookie appends the value of the Set-Cookie header that lets a client
// stay who it is. It lasts a year: a canary lasts weeks.
func AppendUserCookie(dst, user []byte, secure bool) []byte {
	dst = append(dst, config.UserCookie+"="...)
	dst = append(dst, user...)
	dst = append(dst, "; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"...)
	if secure {
		dst = append(dst, "; Secure"...)
	}
	return dst
}
