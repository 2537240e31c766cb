package store

import (
	"cmp"
	"slices"

	"banyan.dev/features/contracts"
)

// entry is all that a chunk says about one id. One with very many keys is several
// entries.
type entry struct {
	id     string
	row    *contracts.CommentState
	grave  *contracts.Tombstone
	closed *contracts.ClosedPost
	keys   []contracts.CommentKey
}

func (e entry) rows() (n int) {
	if e.row != nil {
		n++
	}
	if e.grave != nil {
		n++
	}
	return n
}

func (e entry) into(c *contracts.CommentsChunk) {
	if e.row != nil {
		c.Rows = append(c.Rows, *e.row)
	}
	if e.grave != nil {
		c.Tombstones = append(c.Tombstones, *e.grave)
	}
	if e.closed != nil {
		c.Closed = append(c.Closed, *e.closed)
	}
	c.Keys = append(c.Keys, e.keys...)
}

// entries collects what there is about ids.
type entries map[string]*entry

func (all entries) of(id string) *entry {
	e := all[id]
	if e == nil {
		e = &entry{id: id}
		all[id] = e
	}
	return e
}

// keysPerEntry bounds an entry's bytes in a chunk: it can't be cut any more.
const keysPerEntry = 100

// sorted are the entries in the order of their ids.
func (all entries) sorted() []entry {
	list := make([]entry, 0, len(all))
	for _, e := range all {
		whole := *e
		for first := true; first || len(whole.keys) > 0; first = false {
			n := min(keysPerEntry, len(whole.keys))
			part := entry{id: whole.id, keys: whole.keys[:n]}
			if first {
				part.row, part.grave, part.closed = whole.row, whole.grave, whole.closed
			}
			list, whole.keys = append(list, part), whole.keys[n:]
		}
	}
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.id, b.id) })
	return list
}
