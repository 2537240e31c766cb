package status

import "time"

// Status is a gateway at one moment.
type Status struct {
	Name     string    `json:"name"`
	Version  string    `json:"version"`
	At       time.Time `json:"at"`
	Revision int64     `json:"revision"`
	// Digest names the text of the configuration: the first 16 hexadecimal digits of
	// its SHA-256. Gateways with one revision and two digests don't agree.
	Digest string `json:"digest"`
	Source string `json:"source"` // of the revision: file or api
	// FileDiffers tells that the file says something else than what is in force.
	FileDiffers bool      `json:"file_differs"`
	Since       time.Time `json:"since"` // when the revision came in force
	Draining    bool      `json:"draining"`
	// Changes tells whether the admin API takes changes: it was given a token.
	Changes bool `json:"changes"`
	// LatencyBounds are the upper bounds of the latency buckets, in milliseconds.
	// Each side's Latency has one more count, for what took longer.
	LatencyBounds []float64 `json:"latency_bounds_ms"`
	LastRefused   *Refused  `json:"last_refused,omitempty"`
	// Identity is nil where no owner is told who asks.
	Identity  *Identity  `json:"identity,omitempty"`
	Resources []Resource `json:"resources"`
	Owners    []Owner    `json:"owners"`
	Routes    []Route    `json:"routes"`
	History   []Change   `json:"history"` // the newest first
}

// Identity is who is asked whom a session belongs to, and what came of the questions.
type Identity struct {
	Owner       string   `json:"owner"`
	Path        string   `json:"path"`
	Known       uint64   `json:"known"`
	Nobody      uint64   `json:"nobody"`
	Failed      uint64   `json:"failed"` // answered 503
	LastFailure *Refused `json:"last_failure,omitempty"`
}

// Resource is what has one owner at a time, and the routes that go where it is.
type Resource struct {
	Name   string   `json:"name"`
	Owner  string   `json:"owner"`
	Epoch  int64    `json:"epoch"`
	Routes []string `json:"routes"`
}

// Misdirected counts requests that an owner sent away with 421 because another one
// owns what they are about.
type Misdirected struct {
	Resent  uint64 `json:"resent"`  // handed to the owner that was named; one request may be several times
	Waited  uint64 `json:"waited"`  // until somebody was the owner
	Refused uint64 `json:"refused"` // answered 503
}

// Refused is the last configuration that was not taken over.
type Refused struct {
	At     time.Time `json:"at"`
	Source string    `json:"source"`
	Reason string    `json:"reason"`
}

// Change is a configuration that was offered.
type Change struct {
	At     time.Time `json:"at"`
	Source string    `json:"source"`
	// Revision is 0 for one that was refused.
	Revision int64 `json:"revision,omitempty"`
	// Refused is why it was, and "" for one that was taken over.
	Refused string `json:"refused,omitempty"`
	// What changed, a line for each route and owner.
	What []string `json:"what,omitempty"`
}

// Figures are the counts of a route, or of one side of it. P50 and P99 are upper
// bounds of the buckets they fall in, in milliseconds; 0 says that nothing was
// measured, or that it took longer than the last bound.
type Figures struct {
	Requests uint64  `json:"requests"`
	Errors   uint64  `json:"errors"` // 5xx
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
	Recent   Recent  `json:"recent"`
}

// Recent is what Figures would be if the gateway had begun Seconds ago: a minute,
// or less when the gateway or the route is younger.
type Recent struct {
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"` // over the last few seconds
	Requests  uint64  `json:"requests"`
	Errors    uint64  `json:"errors"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
}

// Route is one route and who answers it.
type Route struct {
	Name    string   `json:"name"`
	Path    string   `json:"path"`
	Methods []string `json:"methods,omitempty"` // none is any
	Owner   string   `json:"owner"`
	// Resource is what the route is about; its owner is the route's.
	Resource string `json:"resource,omitempty"`
	Timeout  string `json:"timeout"`
	Figures
	// Sides are the owners that answer: the route's, and a canary's.
	Sides       []Side      `json:"sides"`
	Canary      *Canary     `json:"canary,omitempty"`
	Shadow      *Shadow     `json:"shadow,omitempty"`
	Hold        Hold        `json:"hold"`
	RateLimited uint64      `json:"rate_limited"` // answered 429
	Misdirected Misdirected `json:"misdirected"`
}

// The roles of a Side.
const (
	Baseline = "baseline"
	Canaried = "canary"
)

// Side is one owner's part in a route.
type Side struct {
	Owner string  `json:"owner"`
	Role  string  `json:"role"`
	Share float64 `json:"share"` // of the clients, in percent, as configured
	Figures
	// Latency counts, for each of LatencyBounds, the requests that took so long or
	// less; the last one counts all.
	Latency []uint64 `json:"latency"`
}

// Canary is a route's second owner.
type Canary struct {
	Owner   string  `json:"owner"`
	Percent float64 `json:"percent"`
	By      string  `json:"by"`
	Salt    string  `json:"salt"`
}

// Shadow is who gets copies of a route's requests, and how the answers compared.
type Shadow struct {
	Owner      string  `json:"owner"`
	Percent    float64 `json:"percent"`
	Sent       uint64  `json:"sent"`
	Matched    uint64  `json:"matched"`
	Mismatched uint64  `json:"mismatched"`
	Failed     uint64  `json:"failed"`  // no answer from the shadow
	Skipped    uint64  `json:"skipped"` // not compared: too long, or of no comparable kind
	Dropped    uint64  `json:"dropped"` // not sent: the queue was full
	Pending    int64   `json:"pending"`
	// PerSecond is copies sent, over the last few seconds.
	PerSecond float64 `json:"per_second"`
}

// Hold is whether a route's requests wait, and how long they did.
type Hold struct {
	Held bool `json:"held"`
	// ID releases the hold: DELETE /api/holds/{id}.
	ID        string     `json:"id,omitempty"`
	Until     *time.Time `json:"until,omitempty"` // when it ends by itself
	Waiting   int64      `json:"waiting"`
	InFlight  int64      `json:"in_flight"`
	HeldTotal uint64     `json:"held_total"`
	Refused   uint64     `json:"refused"`
	P50       float64    `json:"wait_p50_ms"`
	P99       float64    `json:"wait_p99_ms"`
}

// Owner is one owner, its replicas, and what protects it.
type Owner struct {
	Name     string `json:"name"`
	Address  string `json:"address,omitempty"` // "" when replicas are listed
	Balance  string `json:"balance"`
	Affinity string `json:"affinity,omitempty"` // the cookie
	Home     string `json:"home,omitempty"`

	PerSecond float64 `json:"per_second"` // requests sent to it, copies too, over the last few seconds
	InFlight  int64   `json:"in_flight"`
	// MaxInFlight is 0 for any number.
	MaxInFlight int    `json:"max_in_flight"`
	Rejected    uint64 `json:"rejected"` // 503 because as many were in flight, or the breaker was open
	// Identity tells that the owner is told who asks.
	Identity       bool      `json:"identity,omitempty"`
	Retries        uint64    `json:"retries"`
	RetriesRefused uint64    `json:"retries_refused"` // beyond the budget
	Breaker        *Breaker  `json:"breaker,omitempty"`
	Replicas       []Replica `json:"replicas"`
	Uses           []Use     `json:"uses,omitempty"`
}

// The states of a Breaker.
const (
	Closed   = "closed"
	Open     = "open"
	HalfOpen = "half_open"
)

// Breaker is whether an owner is asked at all.
type Breaker struct {
	State string     `json:"state"`
	Until *time.Time `json:"until,omitempty"` // when an open one lets a few through
}

// Replica is one process of an owner.
type Replica struct {
	Name    string `json:"name"`
	URL     string `json:"url"`
	Healthy bool   `json:"healthy"`
	Reason  string `json:"reason,omitempty"`
	// EjectedUntil is set while the replica is out because of its answers although
	// probes find it well.
	EjectedUntil *time.Time `json:"ejected_until,omitempty"`
	InFlight     int64      `json:"inflight"`
	Requests     uint64     `json:"requests"`
	Failures     uint64     `json:"failures"`
	Pinned       uint64     `json:"pinned"` // users who were given an affinity cookie for it
	PerSecond    float64    `json:"per_second"`
	Version      string     `json:"version,omitempty"` // as it says itself
}

// Use is something an owner works with: a database, a broker, another host.
type Use struct {
	Kind    string   `json:"kind"` // postgres, redis, kafka, mail or http
	Name    string   `json:"name"`
	Address string   `json:"address,omitempty"`
	Topics  []string `json:"topics,omitempty"`
}
