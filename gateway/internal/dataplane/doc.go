// Package dataplane is the gateway's public port: fasthttp reads the clients'
// requests and writes their answers, and this package carries each one to its
// owner over a connection of package upstream, as package policy decides.
//
// A request's way: head.go reads and checks its headers, exchange.go finds the
// route and goes from replica to replica until one has answered, send.go and
// upload.go send, receive.go and stream.go bring the answer, tunnel.go takes over
// when both sides leave HTTP. client.go is the client's connection.
//
// What fasthttp leaves to its user and is therefore done here: it doesn't read
// what a handler left of a request's body (the rest would be taken for the next
// request), it finds Expect only in one spelling, it has no answers without length
// for HTTP/1.0, no interim answers, and doesn't notice a client that goes away.
//
// The package answers nothing by itself but problems, and never logs a request.
package dataplane
