// Package handover moves the right to write a resource from one side to the other
// while clients write: hold new requests at the gateways, fence the owner, wait
// until the other side has applied all of it, let that side take, route, release.
// Or it gives up: bars the other side, unfences the owner, routes, releases.
//
// strangler runs it; anything else that reaches both hosts may. A Coordinator keeps
// nothing of its own: it reads the two rows, decides (decide.go), does one thing, and
// reads again. So it may be killed between any two steps, or in one whose answer is
// lost, and another goes on; two may run at once, and one of them may be paused for
// an hour. What keeps that safe is not here but in package ownership: each move is a
// compare-and-swap in the side's own database.
//
// The gateways' hold and the routes are for comfort. A request that comes to a side
// which does not own is refused before anything is done, and sent again.
package handover
