// Package journeys is the acceptance suite: what people do with the blog, told
// once, and played unchanged against every step, through the gateway and against
// the monolith alone.
//
// It owns the table of journeys (All) and the small client that they are written
// with: a Story has people, a Person makes calls, a Call is answered. A journey
// reads as given, when, then, and ends at the first thing that is not so.
//
// "strangler verify", the tour and the tests of package acceptance call Run. The
// package knows the blog by its public contract over HTTP only, never looks into a
// store or a process, and leaves nothing behind that changes what others see: its
// people, tags and moderated words are random. It may run while others use the
// blog, and several runs may go on at once.
//
// What a write does elsewhere (a counter, a notification, a search index) is
// awaited, bounded by Config.EventuallyWithin: some steps do it later than others.
package journeys
