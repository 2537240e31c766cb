// Package call is how one host of the house asks another: over HTTP, at any of its
// replicas, within a bounded time, and not at all while the other is known to be down.
//
// A Client is made for one peer, where a host is wired; the adapters of a feature's
// ports use it and turn its answers into what the port returns. It decides nothing of
// the business and knows no peer. The distance stays visible: each call takes a
// context, may fail in ways that a function can't (IsUnavailable), and is counted.
//
// What is tried again, and where:
//
//   - A connection that could not be made: at the next replica, whatever is asked,
//     because nothing was sent.
//   - An answer of 502, 503 or 504, or a connection that broke: once more at the next
//     replica, when asking twice does no harm (see Request.Repeatable).
//   - Everything else is the answer.
//
// A breaker (M. Nygard, Release It!, 2018, chapter 5) stands around all tries of a
// call: when calls fail as such and not one replica of several, the next ones fail
// at once instead of queueing up in the time-out.
//
// Problems (application/problem+json) come back as the *problem.Error that the other
// host returned, a 421 with the owner and the epoch that its headers name.
package call
