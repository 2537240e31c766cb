// Package who finds out who asks, for the owners that are told: it asks the owner that
// has the sessions whom the request's session cookie belongs to, and signs the answer
// for those behind the gateway (platform/identity). So a service needs neither the
// sessions nor a call of its own to know its user.
//
// A Finder lasts as long as the gateway and counts. An Asker belongs to one
// configuration: whom it asks, for how long, what the signature is good for. The data
// plane asks for a client's request and waits; package shadow for a copy.
//
// Nothing is remembered from one request to the next: who has signed out is nobody
// with the next request.
package who
