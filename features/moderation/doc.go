// Package moderation decides what may stand under a post: rules for words and
// links, applied when a comment is written, and a queue for people.
//
//	tables   moderation_rules, moderation_keys, moderation_queue
//	routes   /api/v1/moderation/...
//	events   none yet
//	ports    Comments
//
// It judges texts and never stores a comment.
package moderation
