// Package resilience decides which requests an owner gets: how many at once, none
// while it fails, how many again after a failure, and how many from one client.
//
// A Guard protects one owner: a bulkhead and a circuit breaker (both from Nygard's
// Release It!) and a retry budget (Finagle's). A Limiter bounds each client by a
// token bucket. The data plane asks both for each request and tells a Guard what
// became of it. Outlier ejection, which is about single replicas, is in package
// upstream.
//
// The package does no input or output, starts nothing and looks at no clock once a
// value is made: the time comes in with each call. What a request runs allocates nothing
// and takes no lock that other clients' requests take too. Guards and limiters
// outlive configurations; Guards and Limiters keep them by name.
package resilience
