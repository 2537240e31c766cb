// Package store holds session records: in this process's memory, in PostgreSQL,
// in Redis, or in memory and Redis at once.
//
// Package session calls it, and sessiontest, whose one suite every store passes.
// It knows neither cookies nor requests nor which mode is in force: it is handed
// hashes of tokens and records, and never sees a token.
//
// What all stores have in common, and what most session stores get wrong: reading
// a session is what keeps it from going idle. Update changes only what is there,
// so a slow request that ends after the sign-out cannot bring the session back.
package store
