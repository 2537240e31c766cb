package inbox

import (
	"context"
	"fmt"
)

// needs tells whether an event must be prepared. A Needer that panics does not know,
// and shall say so where its errors are minded.
func (b *Inbox) needs(e Event) bool {
	if _, prepares := b.cfg.Handler.(Preparer); !prepares {
		return false
	}
	needer, knows := b.cfg.Handler.(Needer)
	if !knows {
		return true
	}
	needed := true
	err := call(func() error { needed = needer.Needs(e); return nil })
	return needed || err != nil
}

// heard are the items that are not ignored, in their order. An Ignorer that panics does
// not know, and the event goes where its errors are minded.
func (w *worker) heard(items []item) []item {
	ignorer, ignores := w.cfg.Handler.(Ignorer)
	if !ignores {
		return items
	}
	kept := make([]item, 0, len(items))
	for _, it := range items {
		ignored := false
		if it.bad == nil {
			err := call(func() error { ignored = ignorer.Ignores(it.event); return nil })
			ignored = ignored && err == nil
		}
		if !ignored {
			kept = append(kept, it)
		}
	}
	w.metrics.ignored.Add(float64(len(items) - len(kept)))
	return kept
}

// portions are what is settled at a time: an event that must be prepared by itself,
// and all that stand between two of those.
func (w *worker) portions(items []item) (all [][]item) {
	begin := 0
	for i, it := range items {
		if it.bad != nil || !w.needs(it.event) {
			continue
		}
		if begin < i {
			all = append(all, items[begin:i])
		}
		all, begin = append(all, items[i:i+1]), i+1
	}
	if begin < len(items) {
		all = append(all, items[begin:])
	}
	return all
}

// prepare lets a Preparer do its part before the transaction; items that need it come
// one by one. An event that was handled is not prepared again.
func (w *worker) prepare(ctx context.Context, items []item, aside map[string]condemned) error {
	preparer, ok := w.cfg.Handler.(Preparer)
	if !ok || len(items) != 1 || items[0].bad != nil || !w.needs(items[0].event) {
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
