package inbox

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
)

// What may be wrong with a question about dead letters, for errors.Is, at the handler's
// end and at the client's.
var (
	// ErrLetterAsked: what is asked for can't be; the text names the field and the mend.
	ErrLetterAsked = errors.New("it can't be asked so")
	// ErrNoLetter: the host has no dead letter of that id.
	ErrNoLetter = errors.New("there is no such dead letter")
	// ErrNoConsumer: the host has no consumer of that name.
	ErrNoConsumer = errors.New("there is no such consumer")
	// ErrLetterClosed: its state doesn't allow it. Nothing was done.
	ErrLetterClosed = errors.New("the dead letter's state does not allow it")
)

// RedriveOrder says which dead letters are to be handled again: those of the ids, or
// all that nobody has settled.
type RedriveOrder struct {
	IDs []int64 `json:"ids,omitempty"` // up to 1000
	All bool    `json:"all,omitempty"`
	// Consumer narrows All to one; empty means any that this host runs.
	Consumer string `json:"consumer,omitempty"`
	// After is the last id of the page before, for All: a page has 1000.
	After int64 `json:"after,omitempty"`
}

// LettersPage is some dead letters, in the order of their ids.
type LettersPage struct {
	Letters []LetterView `json:"letters"`
	More    bool         `json:"more,omitempty"` // after the last one's id
}

// desk is where an operator's questions are answered. It knows which consumers run in
// its host: nobody would handle again what is another's.
type desk struct {
	letters   DeadLetters
	consumers []string
}

func (d desk) knows(consumer string) error {
	if consumer == "" || slices.Contains(d.consumers, consumer) {
		return nil
	}
	return fmt.Errorf("%w: consumer %q is none of this host's: use one of %s, or leave it out", ErrNoConsumer, consumer, strings.Join(d.consumers, ", "))
}

// list returns a page; payload bounds what is shown of each payload, in bytes.
func (d desk) list(ctx context.Context, which Which, payload int) (page LettersPage, err error) {
	limit := which.limit()
	which.Limit = limit + 1 // one more tells whether there are more
	if page.Letters, err = d.letters.views(ctx, which, payload); err != nil {
		return page, err
	}
	page.cut(limit)
	if len(page.Letters) == 0 { // for a name that is misspelt that is no good news
		return page, d.knows(which.Consumer)
	}
	return page, nil
}

func (p *LettersPage) cut(limit int) {
	if p.More = len(p.Letters) > limit; p.More {
		p.Letters = p.Letters[:limit]
	}
}

func (d desk) one(ctx context.Context, id int64, payload int) (LetterView, error) {
	found, err := d.letters.views(ctx, Which{IDs: []int64{id}, Limit: 1}, payload)
	if err != nil || len(found) == 1 {
		return first(found), err
	}
	return LetterView{}, fmt.Errorf("%w: %d: look at the list of this host", ErrNoLetter, id)
}

func first(views []LetterView) (v LetterView) {
	if len(views) > 0 {
		v = views[0]
	}
	return v
}

// redrive asks for all of the order or for nothing. What was asked for before, or is
// handled already, is no error: whoever lost an answer asks again.
func (d desk) redrive(ctx context.Context, o RedriveOrder) (page LettersPage, err error) {
	if err := d.knows(o.Consumer); err != nil {
		return page, err
	}
	err = d.letters.db.InTx(ctx, func(tx *gorm.DB) error {
		page = LettersPage{}
		found, err := d.locked(tx, o)
		if err != nil {
			return err
		}
		if page.Letters = found; o.All {
			page.cut(mostLetters)
		}
		if err := d.mayRedrive(o, page.Letters); err != nil {
			return err
		}
		return ask(tx, page.Letters)
	})
	if err != nil {
		return LettersPage{}, fmt.Errorf("redrive: %w", err)
	}
	return page, nil
}

// locked reads what an order is about.
func (d desk) locked(tx *gorm.DB, o RedriveOrder) ([]LetterView, error) {
	if !o.All {
		return lock(tx, "id IN ?", o.IDs)
	}
	of := d.consumers
	if o.Consumer != "" {
		of = []string{o.Consumer}
	}
	return lock(tx, "state IN ('open', 'redrive') AND id > ? AND consumer IN ?", o.After, of)
}

// lock locks up to a page of rows and one more, in the order of their ids: so two
// orders can't wait for each other. Then it reads them: who waited for a lock sees what
// came of it.
func lock(tx *gorm.DB, where string, args ...any) ([]LetterView, error) {
	var ids []int64
	locked := tx.Raw(`SELECT id FROM inbox_dead_letters WHERE `+where+` ORDER BY id LIMIT ? FOR UPDATE`, append(args, mostLetters+1)...).Scan(&ids)
	if locked.Error != nil {
		return nil, fmt.Errorf("lock dead letters: %w", locked.Error)
	}
	if len(ids) == 0 {
		return []LetterView{}, nil // a page says [], not null
	}
	var rows []letterRow
	if err := viewed(Which{IDs: ids, Limit: len(ids)}.in(tx), 0).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("select dead letters: %w", err)
	}
	return viewsOf(rows)
}

func (d desk) mayRedrive(o RedriveOrder, found []LetterView) error {
	for _, id := range o.IDs {
		if !slices.ContainsFunc(found, func(v LetterView) bool { return v.ID == id }) {
			return fmt.Errorf("%w: %d: nothing was asked for; look at the list of this host", ErrNoLetter, id)
		}
	}
	for _, v := range found {
		switch {
		case v.State == Discarded:
			return fmt.Errorf("%w: %d was discarded at %s (%s), for good: nothing was asked for; what it told is missing here",
				ErrLetterClosed, v.ID, at(v.ClosedAt), v.Note)
		case !v.Settled() && !slices.Contains(d.consumers, v.Consumer):
			return fmt.Errorf("%w: %d is of consumer %s, which runs not in this host (%s): nobody would handle it, so discard it, or run that consumer again",
				ErrLetterClosed, v.ID, v.Consumer, strings.Join(d.consumers, ", "))
		}
	}
	return nil
}

// ask marks those that are open, and says so in the views.
func ask(tx *gorm.DB, found []LetterView) error {
	var ids []int64
	for i := range found {
		if found[i].State == Open {
			found[i].State = Redrive
			ids = append(ids, found[i].ID)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	if err := tx.Exec(`UPDATE inbox_dead_letters SET state = 'redrive' WHERE id IN ?`, ids).Error; err != nil {
		return fmt.Errorf("update dead letters: %w", err)
	}
	return nil
}

// discard closes one for a reason. Asked twice for the same reason it is done once.
func (d desk) discard(ctx context.Context, id int64, reason string) (v LetterView, err error) {
	reason = printable(reason)
	err = d.letters.db.InTx(ctx, func(tx *gorm.DB) error {
		found, err := lock(tx, "id = ?", id)
		if err != nil {
			return err
		}
		switch v = first(found); {
		case len(found) == 0:
			return fmt.Errorf("%w: %d: look at the list of this host", ErrNoLetter, id)
		case v.State == Redriven:
			return fmt.Errorf("%w: %d was handled at %s, after all: there is nothing to discard", ErrLetterClosed, id, at(v.ClosedAt))
		case v.State == Discarded && v.Note != reason:
			return fmt.Errorf("%w: %d was discarded at %s for another reason, which stays on record: %s", ErrLetterClosed, id, at(v.ClosedAt), v.Note)
		case v.State == Discarded:
			return nil
		}
		if err := tx.Exec(`UPDATE inbox_dead_letters SET state = 'discarded', closed_at = now(), note = ? WHERE id = ?`, reason, id).Error; err != nil {
			return fmt.Errorf("update dead letter: %w", err)
		}
		found, err = lock(tx, "id = ?", id)
		v = first(found)
		return err
	})
	if err != nil {
		return LetterView{}, fmt.Errorf("discard: %w", err)
	}
	return v, nil
}

func at(t *time.Time) string {
	if t == nil {
		return "an unknown time"
	}
	return t.UTC().Format(time.RFC3339)
}
