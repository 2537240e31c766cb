package blogtest

import "slices"

// Before puts something in front of the blog; nil takes it away.
func (b *Blog) Before(m Middleware) { b.change(func() { b.before = m }) }

// MoveTo makes another replica's name answer from now on.
func (b *Blog) MoveTo(replica string) { b.change(func() { b.replica = replica }) }

// SignEveryoneOut forgets all sessions.
func (b *Blog) SignEveryoneOut() { b.change(func() { clear(b.sessions) }) }

// SignOutOne forgets one session, any.
func (b *Blog) SignOutOne() {
	b.change(func() {
		for token := range b.sessions {
			delete(b.sessions, token)
			return
		}
	})
}

// ReadStale makes reads of single things show what was there one write ago.
func (b *Blog) ReadStale(stale bool) { b.change(func() { b.stale = stale }) }

// Drop loses one comment that is there; false if there is none.
func (b *Blog) Drop() bool {
	return b.with(func(d *document) bool { return d.parent != "" && !d.deleted }, func(i int) { b.docs = slices.Delete(b.docs, i, i+1) })
}

// Copy makes a second one of a comment.
func (b *Blog) Copy() bool {
	return b.with(func(d *document) bool { return d.parent != "" && !d.deleted }, func(i int) {
		twin := *b.docs[i]
		twin.id = b.newID()
		b.docs = append(b.docs, &twin)
	})
}

// LoseEdit forgets the last edit of something.
func (b *Blog) LoseEdit() bool {
	return b.with(edited, func(i int) { b.docs[i].revisions = b.docs[i].revisions[:len(b.docs[i].revisions)-1] })
}

// Overtake brings an older text back as the newest version, as a late, unguarded write would.
func (b *Blog) Overtake() bool {
	return b.with(edited, func(i int) {
		d := b.docs[i]
		old := d.revisions[len(d.revisions)-2]
		old.version = d.last().version + 1
		d.revisions = append(d.revisions, old)
	})
}

// edited is true for what has two texts at its end, so that one can stand for the other.
func edited(d *document) bool {
	n := len(d.revisions)
	return !d.deleted && n > 1 && d.revisions[n-1].body != d.revisions[n-2].body
}

// Revive brings a deleted post back.
func (b *Blog) Revive() bool {
	return b.with(func(d *document) bool { return d.deleted && d.parent == "" }, func(i int) { b.docs[i].deleted = false })
}

func (b *Blog) with(like func(*document) bool, do func(i int)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i := slices.IndexFunc(b.docs, like)
	if i >= 0 {
		do(i)
	}
	return i >= 0
}

func (b *Blog) change(f func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	f()
}
