// Package store keeps accounts in PostgreSQL, in the tables accounts and
// account_keys and no other.
//
// A host makes it and gives it to the feature. Other features' stores ask it for
// people's present names, a page's at once; it asks nobody. It never hands out a
// password or an address to them.
package store
