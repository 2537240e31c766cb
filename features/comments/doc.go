// Package comments is what readers say under a post.
//
//	tables   comments, comment_keys, comment_tombstones, comment_closed_posts
//	routes   /api/v1/posts/{id}/comments, /api/v1/comments/{id}
//	events   comment.changed, comment.deleted, comments.closed (events.go)
//	ports    Posts, Moderation, Notifications
//
// This is the feature that leaves the monolith first. What it needs from others is
// in ports.go, what its store needs in store/ports.go, and nowhere else; in one process
// the other feature answers directly, over the network a client does.
//
// The monolith hosts it, and so does the comments service. UseCases is what both offer;
// where only one of two may write, a Gate stands before the routes, and a cookie lets
// people see what they wrote whichever of the two answers (wrote.go).
package comments
