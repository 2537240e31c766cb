// Package remote asks a host's side of a resource over its admin port: Handler
// answers for an *ownership.Side, and a Client is the same side some network away,
// for whoever moves the ownership (package handover).
//
//	GET  /ownership/{resource}                the row
//	GET  /ownership/{resource}/moves?last=20  what became of it, newest first
//	GET  /ownership/{resource}/ready?epoch=3  204 when it could take
//	POST /ownership/{resource}/moves          an ownership.Order; the row after it
//	POST /ownership/{resource}/rehearsals     sends markers ahead of a fence; their number
//	GET  /ownership/{resource}/rehearsals/7   204 when the other side's are here
//
// Errors of package ownership travel as problems (RFC 9457) with the fields of their
// types beside them, and come back as what they were: errors.Is and errors.As answer
// the same on both ends. Anything else, also an answer that something in between has
// given, means that nobody knows.
//
// All replicas of a host are of one database, so any of them can answer. An order
// whose answer was lost is given to the next one: a move is a compare-and-swap, made
// once however often it is ordered (see ownership.Transitions), and who finds it made
// by the same name has made it.
package remote
