// Package posts is what authors write: Markdown, drafts, tags, covers.
//
//	tables   posts, post_tags, post_covers, post_keys, post_tombstones
//	routes   /api/v1/posts, /api/v1/posts/{id}, .../publish, .../cover, /api/v1/tags
//	events   post.deleted (store/feed.go)
//	ports    none: who is asking comes in the context
//
// Posts knows no comment; the number of approved ones is told to it. What a deletion
// takes along, and what authors are called, its store asks of others: see store.
package posts
