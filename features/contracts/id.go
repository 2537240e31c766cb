package contracts

import "github.com/google/uuid"

// NewID returns a UUIDv7 (RFC 9562): ids made by different writers never collide,
// so that old and new owners of a table can both make them, and they sort by the
// time they were made.
func NewID() string {
	return uuid.Must(uuid.NewV7()).String() // fails only when the system has no randomness left
}

// IsID tells whether s is a UUID in the one form that we write: 36 bytes, lower case. It
// allocates nothing, since chunks have thousands of them.
func IsID(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
		lowerHex(s[:8]) && lowerHex(s[9:13]) && lowerHex(s[14:18]) && lowerHex(s[19:23]) && lowerHex(s[24:])
}

// lowerHex tells whether s has hexadecimal digits in lower case only.
func lowerHex(s string) bool {
	for i := range len(s) {
		if !hexDigit[s[i]] {
			return false
		}
	}
	return true
}

var hexDigit = [256]bool{
	'0': true, '1': true, '2': true, '3': true, '4': true, '5': true, '6': true, '7': true, '8': true, '9': true,
	'a': true, 'b': true, 'c': true, 'd': true, 'e': true, 'f': true,
}
