package contracts

import "github.com/google/uuid"

// NewID returns a UUIDv7 (RFC 9562): ids made by different writers never collide,
// so that old and new owners of a table can both make them, and they sort by the
// time they were made.
func NewID() string {
	return uuid.Must(uuid.NewV7()).String() // fails only when the system has no randomness left
}

// IsID tells whether s is a UUID in the one form that we write.
func IsID(s string) bool {
	id, err := uuid.Parse(s)
	return err == nil && id.String() == s
}
