// Package hold makes new requests of a route wait while something is moved behind
// it: its data, its owner. Requests under way are counted, so that who moves can
// wait until none is left; those that wait go on when the hold is released, by the
// configuration that is in force then. Nobody sees more than a pause.
//
// A hold ends by itself: its holder may die. How long one request waits, and how
// many may, is bounded by the route.
//
// A Gate belongs to a route's name and outlives configurations. The data plane
// passes through it with each request; the control plane makes and releases holds.
// What a held request would write is the owner's to refuse, should a gateway not
// have heard of the hold: it is for comfort, not for safety.
package hold
