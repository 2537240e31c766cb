// Package store keeps the moderation rules and the queue in PostgreSQL, in the tables
// moderation_rules, moderation_keys and moderation_queue and no other.
//
//	rows.go   the queue's rows, which the store of comments writes by its port
//	rules.go  the rules
//	store.go  moderation.Store: the rows, put together with what others know
//	ports.go  what it needs of other features
//
// A host makes it and gives it to the feature.
package store
