package config

import (
	"net/netip"
	"time"
)

// Clients says what holds for clients on every route.
type Clients struct {
	// TrustedProxies are the networks whose X-Forwarded-For and -Proto are
	// believed: load balancers in front of the gateway. From anybody else both are
	// dropped.
	TrustedProxies []netip.Prefix
	// SessionCookie is the application's session cookie, for keys of kind
	// KeySession. A cookie of that name with __Host- or __Secure- before it is it
	// too.
	SessionCookie string
	// RateLimit bounds one client over all routes; nil is no bound.
	RateLimit *RateLimit
}

// Key says by what one client is told from another.
type Key struct {
	Kind KeyKind
	// Name is of the cookie or header; "" for the other kinds.
	Name string
}

// KeyKind is a kind of Key, as the file spells it.
type KeyKind string

// The kinds of keys. In the file: by: user, by: "cookie:NAME", and so on.
const (
	// KeyUser is a cookie of the gateway's own, set when it is first needed. It
	// outlives sessions, whose cookie is renewed at each sign-in.
	KeyUser    KeyKind = "user"
	KeySession KeyKind = "session" // Clients.SessionCookie
	KeyCookie  KeyKind = "cookie"
	KeyHeader  KeyKind = "header"
	KeyAddress KeyKind = "address" // of the client, as X-Real-Ip says it; of IPv6 the first 64 bits
)

// UserCookie is the cookie behind KeyUser.
const UserCookie = "banyan_user"

// A tester's token (gateway tester) in this header or cookie chooses the owner,
// whatever the share. The application never sees either.
const (
	OverrideHeader = "X-Canary"
	OverrideCookie = "banyan_canary"
)

// Canary sends a share of a route's clients to another owner. Who is in at one
// share is in at every larger one, at every gateway.
type Canary struct {
	Owner string
	// Share is in hundredths of a percent: 0 is nobody, 10000 everybody.
	Share int
	By    Key
	// Timeout is the route's own, or else that of the canary's owner.
	Timeout time.Duration
	// Salt makes two canaries choose different clients. Without one it is the
	// owner's name, so that all routes to one new owner move the same clients.
	Salt string
}

// WholeShare is everybody.
const WholeShare = 10000

// Shadow sends copies of a route's safe requests (GET and HEAD) to another owner
// and compares the answers. The client's answer never waits for it.
type Shadow struct {
	Owner string
	// Sample is the share of requests that is copied, in hundredths of a percent.
	Sample int
	// Queue is how many copies may wait or be under way at once; more are dropped
	// and counted.
	Queue int
	// Timeout is the longest a copy may take.
	Timeout time.Duration
	// Pass names what would else stay behind because it speaks for a user.
	Pass    Credentials
	Compare Compare
}

// Credentials names headers (Authorization) and cookies that a copy may carry, and
// whether the shadow is told who asks, as an owner with Owner.Identity is.
type Credentials struct {
	Headers  []string
	Cookies  []string
	Identity bool
}

// BodyComparison is how two bodies are compared.
type BodyComparison string

// The comparisons.
const (
	// CompareJSON compares the values; a body that is no JSON on both sides is
	// compared byte by byte.
	CompareJSON BodyComparison = "json"
	CompareHash BodyComparison = "hash" // byte by byte
	CompareNone BodyComparison = "none"
)

// Compare says when two answers are the same. The status always counts.
type Compare struct {
	// Headers whose values must be equal.
	Headers []string
	Body    BodyComparison
	// MaxBody is the longest body that is kept for comparing, in bytes; longer
	// ones are counted as skipped.
	MaxBody int64
	// Ignore, Unordered and Tolerate name places in a JSON value as JSON Pointers
	// (RFC 6901) in which a reference token * stands for any key or index:
	// /items/*/updated_at.
	Ignore    []string
	Unordered []string           // arrays whose order doesn't count
	Tolerate  map[string]float64 // numbers that may differ by so much, absolutely
	// Again is how long after a mismatch both owners are asked once more, before
	// it counts: what follows by events may be a moment late. 0 counts at once.
	Again time.Duration
}

// Hold bounds the requests that wait while a route is held.
type Hold struct {
	// MaxWait is the longest one request waits; then it gets 503.
	MaxWait time.Duration
	// MaxRequests is how many may wait at once; more get 503 at once.
	MaxRequests int
}

// RateLimit is a token bucket for each client.
type RateLimit struct {
	// Requests per Per refill the bucket; Burst is its size.
	Requests int
	Per      time.Duration
	Burst    int
	By       Key
}

// Retries says how often a request that is safe to repeat is sent again.
type Retries struct {
	// Budget is how many retries may be made for each hundred requests, so that
	// retries never multiply an outage. 0 is none.
	Budget int
	// MinPerSecond are allowed whatever the budget says: without them an owner with
	// little traffic would get none.
	MinPerSecond int
	// Attempts bounds how often one request is sent, the first time included.
	Attempts int
}

// Breaker stops asking an owner that fails: of at least Of requests within Within,
// Errors percent or more got no answer or one of 500, 502, 503 and 504. After
// OpenFor a few requests are let through to see.
type Breaker struct {
	Errors  int // percent
	Of      int
	Within  time.Duration
	OpenFor time.Duration
}

// Outliers takes a replica out that fails Consecutive times in a row (no answer, or
// one of 500, 502, 503 and 504), for EjectFor times the number of ejections in a
// row, never more than MaxEjected percent of an owner's replicas.
type Outliers struct {
	Consecutive int
	EjectFor    time.Duration
	MaxEjected  int // percent
}

// Topology is where a replica tells what it is and uses, for the page's picture.
type Topology struct {
	Path string
	// Port replaces the port of the replica's URL when it is not "".
	Port string
}

// What holds where the file says nothing.
const (
	DefaultRetryBudget       = 20
	DefaultRetryMinPerSecond = 10
	DefaultAttempts          = 3
	DefaultHoldWait          = 5 * time.Second
	DefaultHoldRequests      = 1000
	DefaultShadowSample      = WholeShare / 10
	DefaultShadowQueue       = 256
	DefaultShadowTimeout     = 2 * time.Second
	DefaultCompareBody       = 256 << 10
	DefaultBreakerErrors     = 50
	DefaultBreakerOf         = 20
	DefaultBreakerWithin     = 10 * time.Second
	DefaultBreakerOpenFor    = 5 * time.Second
	DefaultOutlierFailures   = 5
	DefaultOutlierEjectFor   = 10 * time.Second
	DefaultOutlierMaxEjected = 50
)
