package ramp

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// LostHold is a hold that a gateway was asked for and gave no answer to: it may be
// there, or still begin, and would last to its end. Whoever asked looks for it by its
// label until it is released.
type LostHold struct {
	Gateway, Label string
	Err            error // what became of the question
}

func (e *LostHold) Error() string {
	return fmt.Sprintf("whether %s holds is not known: %v", e.Gateway, e.Err)
}

func (e *LostHold) Unwrap() error { return e.Err }

// foundWithin bounds the look for a hold whose answer was lost, also when the context
// of the question is what has ended.
const foundWithin = 500 * time.Millisecond

// Find looks for a lost hold. It is not there when it never began, has not begun yet, or
// has ended.
func (g Gateways) Find(ctx context.Context, lost *LostHold) (found Hold, there bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), foundWithin)
	defer cancel()
	text, err := g.get(ctx, lost.Gateway+"/api/holds")
	if err != nil {
		return Hold{}, false, fmt.Errorf("look for a hold whose answer was lost: %w", err)
	}
	var all struct {
		Holds []Hold `json:"holds"`
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return Hold{}, false, fmt.Errorf("the answer of %s/api/holds: %w", lost.Gateway, err)
	}
	for _, h := range all.Holds {
		if h.Label == lost.Label {
			h.Gateway = lost.Gateway
			return h, true, nil
		}
	}
	return Hold{}, false, nil
}
