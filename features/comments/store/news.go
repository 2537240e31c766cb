package store

import (
	"cmp"
	"slices"

	"banyan.dev/features/contracts"
)

// news is what a batch of events says together: of each comment the state that counts,
// of each key and each post one note. Writing it is the same as writing the events one
// after another.
type news struct {
	comments map[string]said
	keys     map[keyName]heard[contracts.CommentKey]
	closed   map[string]heard[contracts.ClosedPost]
	chunks   bool // some of it is a backfill's
}

// said is what is said of a comment: a row, or a tombstone in its place.
type said struct {
	row      *contracts.CommentState
	grave    *contracts.Tombstone
	version  int
	snapshot bool
}

// heard is something that does not change, and whether a snapshot says so: then it
// replaces what is there and different.
type heard[T any] struct {
	what     T
	snapshot bool
}

type keyName struct{ author, key string }

func (n *news) size() int { return len(n.comments) + len(n.keys) + len(n.closed) }

func (n *news) row(row contracts.CommentState, snapshot bool) {
	n.say(row.ID, said{row: &row, version: row.Version, snapshot: snapshot})
}

func (n *news) tombstone(t contracts.Tombstone, snapshot bool) {
	n.say(t.ID, said{grave: &t, version: t.Version, snapshot: snapshot})
}

// say is the guard, among the events of the batch: newer wins, and a snapshot of the
// same version.
func (n *news) say(id string, s said) {
	if n.comments == nil {
		n.comments = map[string]said{}
	}
	old, known := n.comments[id]
	if !known || s.version > old.version || s.version == old.version && s.snapshot {
		n.comments[id] = s
	}
}

func (n *news) addKeys(keys []contracts.CommentKey, snapshot bool) {
	if n.keys == nil {
		n.keys = map[keyName]heard[contracts.CommentKey]{}
	}
	for _, k := range keys {
		hear(n.keys, keyName{k.AuthorID, k.Key}, k, snapshot)
	}
}

func (n *news) close(c contracts.ClosedPost, snapshot bool) {
	if n.closed == nil {
		n.closed = map[string]heard[contracts.ClosedPost]{}
	}
	hear(n.closed, c.PostID, c, snapshot)
}

func hear[K comparable, T any](all map[K]heard[T], key K, what T, snapshot bool) {
	if _, known := all[key]; !known || snapshot {
		all[key] = heard[T]{what, snapshot}
	}
}

// rows and graves are those that a snapshot says, or those that none does, in the
// order of their ids, so that two who write never wait for each other.
func (n *news) rows(snapshot bool) []contracts.CommentState {
	var rows []contracts.CommentState
	for _, s := range n.comments {
		if s.row != nil && s.snapshot == snapshot {
			rows = append(rows, *s.row)
		}
	}
	slices.SortFunc(rows, func(a, b contracts.CommentState) int { return cmp.Compare(a.ID, b.ID) })
	return rows
}

func (n *news) graves(snapshot bool) []contracts.Tombstone {
	var graves []contracts.Tombstone
	for _, s := range n.comments {
		if s.grave != nil && s.snapshot == snapshot {
			graves = append(graves, *s.grave)
		}
	}
	slices.SortFunc(graves, func(a, b contracts.Tombstone) int { return cmp.Compare(a.ID, b.ID) })
	return graves
}

// of are the things that a snapshot says, or those that none does.
func of[K comparable, T any](all map[K]heard[T], snapshot bool, order func(a, b T) int) []T {
	var found []T
	for _, h := range all {
		if h.snapshot == snapshot {
			found = append(found, h.what)
		}
	}
	slices.SortFunc(found, order)
	return found
}

func byKey(a, b contracts.CommentKey) int {
	return cmp.Or(cmp.Compare(a.AuthorID, b.AuthorID), cmp.Compare(a.Key, b.Key))
}

func byPost(a, b contracts.ClosedPost) int { return cmp.Compare(a.PostID, b.PostID) }
