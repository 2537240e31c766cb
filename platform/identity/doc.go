// Package identity is how one host of the house tells another who is asking: a short
// token in the header Strangler-Identity, signed with a key that all hosts share.
//
// The gateway resolves a session and signs who it is of, for the services behind it;
// a service signs itself (RoleService) where it asks for what no person asks for; the
// monolith signs the viewer when it asks a service on somebody's behalf. Whoever
// receives a token verifies it by itself, without asking anybody. The gateway strips
// the header from what comes from outside.
//
// A token is compact, as a JSON Web Signature is (RFC 7515), and is none: there is one
// algorithm, HMAC-SHA256 (RFC 2104), and nothing in the token chooses it.
//
//	base64url({"id","name","role","exp"}) "." base64url(HMAC-SHA256(key, payload))
//
// Several keys may be in force, so that they can be changed while hosts run: add the
// new one behind the old at every host, put it first at every host, take the old one
// away. The package knows no roles but its own, no clock and no HTTP.
package identity
