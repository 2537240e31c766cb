// Package peers is what comments needs of the features that the monolith still hosts:
// its ports, each a question over the network.
//
//	Monolith.Published  comments.Posts       GET  /internal/posts/{id}
//	Monolith.Judge      comments.Moderation  POST /internal/verdicts
//	People.Names        store.People         GET  /internal/people?id=...
//	Left                comments.Notifications: nothing, see there
//
// While the monolith is away, so is what depends on it: a call fails within its
// deadline, and at once while the breaker is open (platform/call). Nothing is made up
// in its place: a list of comments under a post that nobody can vouch for is not
// shown. Names alone are remembered for a while, since a name that was changed a
// minute ago hurts nobody.
package peers
