// Package problem is the one error type that crosses from a feature to its
// caller: a kind from a short list, a sentence for people, and the fields at
// fault. A host turns it into application/problem+json (RFC 9457) in one place,
// httpkit; every other error is an internal error there, logged and not shown.
package problem
