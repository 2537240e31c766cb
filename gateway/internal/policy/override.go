package policy

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strconv"
	"time"

	"banyan.dev/gateway/internal/config"
)

// LeastOverrideKey is how many bytes a key for testers' tokens has at least.
const LeastOverrideKey = 16

// ErrOverrideKey is a key that could be guessed.
var ErrOverrideKey = errors.New("a key for testers' tokens needs 16 bytes or more, as in openssl rand -hex 32")

// overrideContext keeps a signature made for something else from counting here.
const overrideContext = "banyan canary override v1\n"

// MintOverride makes a tester's token: whoever sends it in config.OverrideHeader or
// config.OverrideCookie is answered by the owner, on the routes whose owner or canary
// that is, until the time given. It is "owner.seconds.signature": nothing in it is
// secret but the signature (HMAC-SHA256, RFC 2104), so outsiders can't make one.
func MintOverride(key []byte, owner string, until time.Time) string {
	claim := owner + "." + strconv.FormatInt(until.Unix(), 10)
	return claim + "." + base64.RawURLEncoding.EncodeToString(sign(key, []byte(claim)))
}

func sign(key, claim []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(overrideContext))
	mac.Write(claim)
	return mac.Sum(nil)
}

// CheckOverride returns the owner that a token names, or false for one that is
// forged, broken or over.
func CheckOverride(key, token []byte, now time.Time) (owner []byte, ok bool) {
	end := bytes.LastIndexByte(token, '.')
	if len(key) < LeastOverrideKey || end < 0 {
		return nil, false
	}
	claim := token[:end]
	dot := bytes.LastIndexByte(claim, '.')
	if dot <= 0 {
		return nil, false
	}
	until, err := strconv.ParseInt(string(claim[dot+1:]), 10, 64)
	if err != nil || now.Unix() >= until {
		return nil, false
	}
	sent, err := base64.RawURLEncoding.Strict().DecodeString(string(token[end+1:]))
	if err != nil || !hmac.Equal(sent, sign(key, claim)) {
		return nil, false
	}
	return claim[:dot], true
}

// overridden returns the owner that a tester's token chooses among the route's two,
// or nil. The header goes before the cookie.
func (r *Route) overridden(req *Request, keys *Keys) *Owner {
	key := keys.table.override
	if len(key) == 0 {
		return nil
	}
	token := req.Tester
	if len(token) == 0 {
		if token, _ = cookieOf(req.Cookies, overrideCookie); len(token) == 0 {
			return nil
		}
	}
	owner, ok := CheckOverride(key, token, req.Now)
	switch {
	case !ok:
		return nil
	case string(owner) == r.Canary.Owner.Name:
		return r.Canary.Owner
	case string(owner) == r.Owner.Name:
		return r.Owner
	}
	return nil
}

var overrideCookie = []byte(config.OverrideCookie)
