package ownership

import "errors"

// Elsewhere tells whether err means that another side must be asked, and which: a
// host's httpkit answers 421 by it. The owner is empty between fence and take.
func Elsewhere(err error) (owner string, epoch int64, ok bool) {
	var not *NotOwnerError
	if !errors.As(err, &not) {
		return "", 0, false
	}
	return not.Owner, not.Epoch, true
}
