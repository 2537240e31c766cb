// Package transfer moves the data and the ownership of a resource between two hosts,
// from outside: it starts a backfill and waits for it, compares both sides, and hands
// ownership over. What decides and what is safe is in platform (backfill, reconcile,
// ownership/handover); here is what that needs of the gateways and of hosts' admin
// ports, for the local target and for the commands alike.
//
// It keeps nothing of its own, so that whatever it was doing can be done again.
package transfer
