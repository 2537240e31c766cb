// Package services is the root of what leaves the monolith: one folder per service
// (comments, moderation, notifications, query, identity, posts, web), each a main
// that hosts one feature on a database of its own. Comments is the first: it runs from
// step 05 on, and writes from step 07 on. The others are hosted by the monolith still.
//
// A service is a host, not a home. The feature's rules, routes and store are those
// in features/, which the monolith hosts as well; what a service adds is its wiring:
// which database, which port is answered by whom over the network, what it tells
// others. So extraction is a new main and another adapter, never a copy.
//
// A service imports platform, features/contracts and the feature that it hosts; it
// never imports the monolith or another service, and both build without each other.
// strangler/internal/house holds that as a test.
package services
