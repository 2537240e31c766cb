// Package store keeps notifications in PostgreSQL, in the table notifications and no
// other.
//
//	rows.go   what the store of comments writes, by its port
//	store.go  notifications.Store: the rows, put together with what others know
//	ports.go  what it needs of other features
//
// A host makes it and gives it to the feature.
package store
