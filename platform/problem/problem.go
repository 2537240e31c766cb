package problem

import (
	"errors"
	"fmt"
)

// Kind says what went wrong, in the words of the public contract. Its text is
// the last part of the problem's type URN.
type Kind string

// The kinds, each with the HTTP status that httpkit gives it.
const (
	Malformed            Kind = "malformed"              // 400
	Unauthenticated      Kind = "unauthenticated"        // 401
	BadCredentials       Kind = "bad-credentials"        // 401
	Forbidden            Kind = "forbidden"              // 403
	NotFound             Kind = "not-found"              // 404
	Conflict             Kind = "conflict"               // 409
	EmailTaken           Kind = "email-taken"            // 409
	VersionMismatch      Kind = "version-mismatch"       // 412
	TooLarge             Kind = "too-large"              // 413
	UnsupportedMediaType Kind = "unsupported-media-type" // 415
	NotOwner             Kind = "not-owner"              // 421: nothing was begun; another host must answer
	Validation           Kind = "validation"             // 422
	KeyReused            Kind = "key-reused"             // 422
	PreconditionRequired Kind = "precondition-required"  // 428
	RateLimited          Kind = "rate-limited"           // 429
	Internal             Kind = "internal"               // 500
)

// Field names one field of the input and what is wrong with it.
type Field struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Error is a problem to tell the caller. It is a value and never wraps a secret:
// Detail and Fields are shown as they are.
type Error struct {
	Kind   Kind
	Detail string
	Fields []Field
	// Owner and Epoch are NotOwner's alone: who is to be asked instead, as routes name
	// it, or empty when nobody can be at this moment; and the newest epoch of ownership
	// that this host knows of. Clients see them as headers.
	Owner string
	Epoch int64
}

// New returns an error of the kind, with a sentence made as by fmt.Sprintf.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Detail: fmt.Sprintf(format, args...)}
}

// Elsewhere returns a NotOwner problem that names who is to be asked instead.
func Elsewhere(owner string, epoch int64, format string, args ...any) *Error {
	return &Error{Kind: NotOwner, Detail: fmt.Sprintf(format, args...), Owner: owner, Epoch: epoch}
}

// Error is the kind and the sentence.
func (e *Error) Error() string { return string(e.Kind) + ": " + e.Detail }

// KindOf returns the kind of the first problem in err's chain, or Internal for
// any other error.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is tells whether err is a problem of that kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// Fields collects what is wrong with an input, so that a person mends all of it
// at once. The zero value is ready.
type Fields []Field

// Add notes one field; detail is made as by fmt.Sprintf.
func (f *Fields) Add(field, format string, args ...any) {
	*f = append(*f, Field{field, fmt.Sprintf(format, args...)})
}

// Err is nil when nothing was noted, else one Validation error with all of it.
func (f Fields) Err() error {
	if len(f) == 0 {
		return nil
	}
	return &Error{Kind: Validation, Detail: f[0].Field + ": " + f[0].Detail, Fields: f}
}
