package config

import (
	"net/url"
	"time"
)

// Config is a checked gateway.yaml. It is read by many requests at once and never
// changed after Parse returned it.
type Config struct {
	// Revision orders configurations: replicas of the gateway agree when theirs
	// is the same. 0 stands for a file that doesn't number itself.
	Revision int64
	Clients  Clients
	// Identity is nil when the gateway asks nobody who a session belongs to.
	Identity  *Identity
	Owners    []Owner    // in the order of their names
	Resources []Resource // in the order of their names
	Routes    []Route    // in the order of the file
	// Source is the text it was parsed from, as GET /api/config shows it.
	Source []byte
}

// Owner is one application that answers routes, and how it is reached.
type Owner struct {
	Name string
	// Address is one URL whose host may resolve to several replicas. It is nil
	// when Replicas lists them.
	Address  *url.URL
	Replicas []Replica
	Health   Health
	Balance  Balance
	// Affinity is nil when requests of one user may go to any replica.
	Affinity *Affinity
	// Timeout is the longest an owner may keep a request without an answer.
	Timeout time.Duration
	// MaxInFlight is how many requests the owner gets at once, over all its
	// replicas; more are answered 503 at once. 0 is any number.
	MaxInFlight int
	Retries     Retries
	// Breaker is nil when failing owners are asked all the same.
	Breaker *Breaker
	// Outliers is nil when only probes and refused connections take replicas out.
	Outliers *Outliers
	// Topology is where a replica tells what it uses; nil when it can't.
	Topology *Topology
	// Identity tells that the owner is told who asks: Config.Identity is set then.
	Identity bool
}

// Replica is one process of an owner.
type Replica struct {
	Name string
	URL  *url.URL
}

// Health says how replicas are probed. Beside the probes a refused connection
// takes a replica out at once.
type Health struct {
	// Path is probed with GET. Named by the file, it must answer 2xx or 3xx. The
	// default, /livez, may answer anything below 500: an application that knows
	// no such path is still alive.
	Path  string
	Named bool
	// Port replaces the port of the replica's URL when it is not "".
	Port     string
	Interval time.Duration
	Timeout  time.Duration
}

// Balance names how a replica is chosen.
type Balance string

// The balancers.
const (
	RoundRobin    Balance = "round_robin"
	LeastRequests Balance = "least_requests"
)

// Affinity keeps a user at one replica by a cookie of the gateway's own.
type Affinity struct {
	// Cookie is the gateway's cookie. Its value names the replica opaquely.
	Cookie string
	// SessionCookie is the application's. A response that sets it (bare or with
	// the prefix __Host- or __Secure-) sets Cookie too.
	SessionCookie string
	// Home is the replica that users with a session and no affinity cookie belong
	// to: the one that was there before affinity was. "" is none.
	Home string
}

// Route sends what matches to an owner.
type Route struct {
	// Name is how people, metrics and tools call the route: unique, and the same
	// from one configuration to the next. Without one it is RouteName.
	Name string
	Path string
	// Methods the route takes; empty is any.
	Methods []string
	Owner   string
	// Resource names what the route is about, and Owner is the resource's; "" for a
	// route whose owner is its own.
	Resource string
	// Timeout is the owner's unless the route has its own.
	Timeout time.Duration
	// MaxBody is the longest request body in bytes; 0 is any length.
	MaxBody int64
	// Canary is nil when one owner answers everybody.
	Canary *Canary
	// Shadow is nil when nobody answers beside the owner.
	Shadow *Shadow
	// Resting is what the file says of a route with a resource and the resource's
	// owner makes of no use.
	Resting Resting
	// Hold bounds what waits while the route is held.
	Hold Hold
	// RateLimit is nil when only that of Clients counts.
	RateLimit *RateLimit
}

// Names that figures give to what no owner answers and no route takes. None in a file
// may have them.
const (
	NameOfGateway = "gateway" // of an owner
	NameOfNoRoute = "none"
)

// Names of the headers by which owners and the gateway tell each other who owns a
// resource: an owner that isn't the one answers 421 with both, and has done nothing.
const (
	HeaderOwner = "Strangler-Owner" // the name of who owns it; empty when nobody does at the moment
	HeaderEpoch = "Strangler-Epoch"
)

// BufferedBody is how much of a request's body is kept on routes with a resource that
// have no MaxBody, in bytes: what is kept can be sent again to another owner.
// LongestBuffered is the most that MaxBody can make of it; more is streamed.
const (
	BufferedBody    = 64 << 10
	LongestBuffered = 1 << 20
)

// What holds where the file says nothing.
const (
	DefaultTimeout        = 30 * time.Second
	DefaultHealthPath     = "/livez"
	DefaultHealthInterval = 500 * time.Millisecond
	DefaultHealthTimeout  = time.Second
	DefaultAffinityCookie = "banyan_replica"
)
