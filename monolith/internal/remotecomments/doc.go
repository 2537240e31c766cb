// Package remotecomments is the use cases of comments over the network: the comments
// service, asked as the feature itself is asked in one process.
//
//	requests.go  what is asked, and the idempotency keys that follow from it
//	client.go    who asks: the viewer, or this host for itself
//	people.go    what is asked on somebody's behalf: comments.UseCases
//	reads.go     what lists of other features need of comments, a page at a time
//
// Every call has a deadline and stands behind a breaker (platform/call), reads and
// writes each behind their own. What the service refuses comes back as the problem
// that the feature would have returned; a service that does not answer is a problem
// of the kind unavailable, and says nothing about whether a write was done: the same
// write with the same key may be sent again.
//
// It keeps nothing and decides nothing: who is to be asked is package following's.
package remotecomments
