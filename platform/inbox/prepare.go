package inbox

import (
	"context"
	"fmt"
)

// prepare lets a Preparer do its part before the transaction; items come one by one
// then. An event that was handled is not prepared again.
func (w *worker) prepare(ctx context.Context, items []item, aside map[string]condemned) error {
	preparer, ok := w.cfg.Handler.(Preparer)
	if !ok || len(items) != 1 || items[0].bad != nil {
		return nil
	}
	e := items[0].event
	if _, is := aside[e.ID]; is {
		return nil
	}
	var handled bool
	err := w.cfg.DB.Gorm(ctx).Raw(`SELECT EXISTS (SELECT FROM inbox_events WHERE consumer = ? AND event_id = ?)`, w.cfg.Consumer, e.ID).Scan(&handled).Error
	if err != nil {
		return fmt.Errorf("look for inbox row: %w", err)
	}
	if handled {
		return nil
	}
	if err := call(func() error { return preparer.Prepare(traced(ctx, e), e) }); err != nil {
		return Blame(e, fmt.Errorf("prepare: %w", err))
	}
	return nil
}
