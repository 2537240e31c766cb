// Package handover measures what users notice of a resource's hand-over: comments are
// written at a rate that nothing slows down, through the gateway, while the right to
// write them goes from one side to the other and back. It says how long writes waited,
// and reads everything back: nothing may fail, be lost or be there twice.
//
// The command `strangler bench handover` calls it and brings the blog and the way to hand
// over; this package is the clients, who know the blog by its public API alone, and the
// arithmetic.
package handover
