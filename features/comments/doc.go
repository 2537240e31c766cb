// Package comments is what readers say under a post.
//
//	tables   comments, comment_keys, comment_tombstones
//	routes   /api/v1/posts/{id}/comments, /api/v1/comments/{id}
//	events   none yet
//	ports    Posts, Moderation, Notifications
//
// This is the feature that leaves the monolith first. What it needs from others is
// in ports.go, what its store needs in store/ports.go, and nowhere else; in one process
// the other feature answers directly, over the network a client will.
package comments
