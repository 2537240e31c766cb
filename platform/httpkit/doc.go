// Package httpkit is what every HTTP host does the same way, so that a feature's
// handlers are only about the feature:
//
//	New            an echo server with request ids, access log, metrics, limits, headers
//	Read, Key      strict JSON in, and the Idempotency-Key that goes with it
//	JSON, List     answers; problems become application/problem+json (RFC 9457)
//	IfMatch, ETag  versions as entity tags (RFC 9110)
//	PageOf         cursor and limit of a list
//	Wrap           net/http middleware (the session's) inside echo
//	Listen         a port that is drained before it is closed
//	NewAdmin       the second port: probes, metrics, topology
//
// Hosts call New, Listen and NewAdmin where they are wired; the http.go files of
// the features call the rest. It knows no user, no session and no word of the
// business: those arrive as middleware and handlers. It never reads configuration.
package httpkit
