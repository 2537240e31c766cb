package inbox

import (
	"fmt"

	"gorm.io/gorm"
)

// Settled requires that no dead letter of the resource is open, for who is about to
// own it: an event that was passed over is a write that is not here. It is an
// ownership.Requirement.
type Settled struct{ Resource string }

// Missing returns how many there are and what to do, or "". The epoch says nothing
// about dead letters.
func (s Settled) Missing(tx *gorm.DB, _ int64) (string, error) {
	n, err := OpenDeadLetters(tx, s.Resource)
	if err != nil || n == 0 {
		return "", err
	}
	return fmt.Sprintf("%d dead letters of %s are open: `strangler deadletters` shows what was put aside and why: mend that, then redrive them", n, s.Resource), nil
}
