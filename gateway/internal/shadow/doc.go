// Package shadow sends copies of a route's safe requests to another owner and
// compares its answers with those that clients got. It shows, under real traffic
// and before anybody depends on it, whether a service answers as the monolith did.
//
// The idea is GitHub's Scientist and Twitter's Diffy (github.com/github/scientist,
// github.com/opendiffy/diffy), moved from the program to the gateway.
//
// An Engine lives as long as the gateway. A configuration opens a Route for each
// route with a shadow; what it counts and keeps is found again under the route's
// name by the next one. The data plane asks Route.Sample for each request and feeds
// the Copy that it sometimes gets: what was sent, what came back. Everything else is
// done here, by goroutines of this package: credentials are taken out
// (credentials.go), the copy is sent (ask.go), the answers are compared (judge.go,
// package diff), and mismatches are kept (kept.go).
//
// What it never does: make a client wait, send what changes something, pass on what
// speaks for a user unless the policy names it, or have an opinion about a
// replica's health. A copy that is refused or gets no answer counts as failed and
// as nothing else: a shadow may be slow, broken or half built without a request of
// a client being turned away for it. Probes look after its replicas as they do for
// any owner.
package shadow
