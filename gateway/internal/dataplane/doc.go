// Package dataplane is the gateway's public port: fasthttp reads the clients'
// requests and writes their answers, and this package carries each one to its
// owner over a connection of package upstream, as package policy decides.
//
// A request's way: intake.go finds where it ends before anybody parses it
// (framing.go, chunks.go), head.go reads and checks its headers, exchange.go finds the
// route, attempt.go goes from replica to replica until one has answered, elsewhere.go
// to another owner where the first isn't the one (keep.go keeps the body for it),
// person.go finds out who asks, send.go and upload.go send, answer.go and receive.go read what is believed of the answer,
// stream.go brings its body, outlet.go writes, tunnel.go takes over when both sides
// leave HTTP. client.go is the client's connection, park.go where it waits between
// requests, pace.go how slow it may be.
//
// What fasthttp leaves to its user and is therefore done here: it takes lone LFs for
// line ends, reads chunks and trailers leniently, and reads on behind a request; it
// doesn't read what a handler left of a body, holds its buffers while a connection is
// idle, finds Expect only in one spelling, has no answers without length for
// HTTP/1.0, no interim answers, and doesn't notice a client that goes away.
//
// The package answers nothing by itself but problems, and never logs a request.
package dataplane
