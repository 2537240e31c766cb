// Package feed is what a visitor finds: the newest posts with what was last said
// under them, and full-text search.
//
//	tables   none of its own in the monolith: it reads posts, comments and accounts
//	routes   /api/v1/feed, /api/v1/search
//	events   none yet
//	ports    none
//
// It only reads. In the tangle its store is a join over three features' tables; the one
// in store asks the three features, each once for a page; a later step gives it a read
// model of its own.
package feed
