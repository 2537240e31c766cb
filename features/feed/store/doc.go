// Package store puts the feed together. It has no table: it asks posts, comments and
// people for what they know, each once for a page, whatever the page's length. Once a
// later step gives the feed a read model, that is another implementation of feed.Store.
package store
