// Package session keeps people signed in. One Manager per host gives requests
// their session, and moves all sessions between the memory of the replicas and
// Redis while the host runs, without signing anybody out.
//
// # What it owns
//
// The cookie, its token and the token's hash (nothing else is ever stored or
// logged), the records in package store, the cross-origin check, the cache of
// user records in Redis, and the protocol of the switch.
//
// # Who calls it
//
// A host wires New, Middleware, Protect and AdminHandler, and hands each new
// content of its settings file to ParseSettings and Apply. Handlers call SignIn,
// SignOut, UserID, User, List, Revoke and the flash messages, all with the
// request's context.
//
// # What it never does
//
// It knows no user: a user is an id and an opaque record that LoadUser returns.
// It renders nothing, and stores nothing for visitors who are not signed in.
//
// # The switch
//
// The modes follow one another: memory, dual, redis, back, load, memory. In dual,
// back and load a session is written to both stores, and read from Redis first,
// then from memory. Why each rule in switch.go, gate.go and people.go is there is
// told in PROTOCOL.md; the tests named after the rules show what breaks without.
//
// # What a host must keep to
//
// The admin port is opened before the public one and closed after it: to a peer a
// refused connection on the admin port means that the replica, and the sessions in
// its memory, are gone.
package session
