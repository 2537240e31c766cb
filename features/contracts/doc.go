// Package contracts is what features say to each other and to the world: the
// shapes of posts, comments and people as the API shows them, who is asking, and
// the key that makes a retry harmless. It imports no feature, so that a service
// can speak of a comment without hosting comments.
package contracts
