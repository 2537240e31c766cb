package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/reconcile"
)

var _ reconcile.Repairer = (*Store)(nil)

// Repair is reconcile.Repairer's: for each comment one transaction behind the
// ownership's guard, with one snapshot of the comment or of its tombstone, and of its
// keys. Where the follower has a higher version, the owner's row is raised above it
// first; what the owner never had is buried.
func (s *Store) Repair(ctx context.Context, wants []reconcile.Want) (reconcile.Repaired, error) {
	var done reconcile.Repaired
	if s.ports.Feed == nil {
		return done, errors.New("repair comments: this host tells nobody of its comments: set EVENTS=outbox")
	}
	mends, left := mendsOf(wants)
	done.Left = left
	for _, m := range mends {
		var one reconcile.Repaired
		err := s.write(ctx, func(tx *gorm.DB, epoch int64) (err error) {
			one, err = s.mend(tx, epoch, m)
			return err
		})
		if err != nil {
			return done, fmt.Errorf("repair %s %s: %w", m.kind, m.id, err)
		}
		done.Sent += one.Sent
		done.Raised += one.Raised
		done.Buried += one.Buried
		done.Left = append(done.Left, one.Left...)
	}
	return done, nil
}

// mend is what is wanted of one comment, its tombstone and its keys; or of one closed
// post.
type mend struct {
	kind  string // KindComment or KindClosed
	id    string
	above int64  // the highest version that the follower has
	about string // what it says of the comment
	wants []reconcile.Want
}

// mendsOf puts wants of one comment together, and refuses what can't be.
func mendsOf(wants []reconcile.Want) (mends []*mend, left []reconcile.Left) {
	known := map[reconcile.Key]*mend{}
	for _, w := range wants {
		kind := KindComment
		switch w.Kind {
		case KindComment, KindTombstone, KindKey:
		case KindClosed:
			kind = KindClosed
		default:
			left = append(left, reconcile.Left{Key: w.Key, Why: "there are no such rows"})
			continue
		}
		if !contracts.IsID(w.Place) || w.Above < 0 || w.Above >= math.MaxInt32 {
			left = append(left, reconcile.Left{Key: w.Key, Why: fmt.Sprintf("version %d of %q can't be", w.Above, w.Place)})
			continue
		}
		at := reconcile.Key{Kind: kind, Place: w.Place}
		if known[at] == nil {
			known[at] = &mend{kind: kind, id: w.Place}
			mends = append(mends, known[at])
		}
		m := known[at]
		m.wants = append(m.wants, w)
		m.above = max(m.above, w.Above)
		if w.Kind != KindKey && w.About != "" {
			m.about = w.About
		}
	}
	return mends, left
}

func (s *Store) mend(tx *gorm.DB, epoch int64, m *mend) (done reconcile.Repaired, err error) {
	if m.kind == KindClosed {
		return s.resendClosed(tx, epoch, m)
	}
	ids := []string{m.id}
	for _, w := range m.wants {
		if w.Kind != KindKey || w.What != reconcile.Extra {
			continue
		}
		other, err := keeper(tx, w.Sub)
		if err != nil {
			return done, err
		}
		if other == "" {
			done.Left = append(done.Left, reconcile.Left{Key: w.Key, Why: "only the follower knows this key, and no event takes a key away: it may go there by hand"})
			continue
		}
		ids = append(ids, other) // whose snapshot brings the key back to it
	}
	for i, id := range ids {
		asked := &mend{id: id}
		if i == 0 {
			asked = m
		}
		if err := s.resend(tx, epoch, asked, &done); err != nil {
			return done, err
		}
	}
	return done, nil
}

// keeper is the comment that the owner has a key for; "" when it has none. sub is the
// key as NewDigests names it.
func keeper(tx *gorm.DB, sub string) (commentID string, err error) {
	author, key, _ := strings.Cut(sub, " ")
	if !contracts.IsID(author) {
		return "", nil
	}
	var ids []string
	if err := tx.Table("comment_keys").Where("author_id = ? AND key = ?", author, key).Pluck("comment_id", &ids).Error; err != nil {
		return "", fmt.Errorf("select the key's comment: %w", err)
	}
	if len(ids) == 0 {
		return "", nil
	}
	return ids[0], nil
}

// resend sends a comment as it is, or its tombstone, or buries it.
func (s *Store) resend(tx *gorm.DB, epoch int64, m *mend, done *reconcile.Repaired) error {
	keys, err := s.ports.Feed.keys(tx, []string{m.id})
	if err != nil {
		return err
	}
	row, found, err := raise[comment](tx, "comments", m, done)
	if err != nil {
		return err
	}
	if found {
		done.Sent++
		return s.ports.Feed.append(tx, contracts.CommentChanged{
			CommentState: contracts.StateOf(row.toComment()), Keys: keys[m.id], Snapshot: true, Epoch: epoch,
		})
	}
	gone, found, err := raise[tombstone](tx, "comment_tombstones", m, done)
	if err == nil && !found {
		gone, found, err = buryUnknown(tx, m, done)
	}
	if err != nil {
		return err
	}
	if !found {
		done.Left = append(done.Left, m.unknown()...)
		return nil
	}
	done.Sent++
	return s.ports.Feed.append(tx, contracts.CommentDeleted{Tombstone: gone.toTombstone(), Keys: keys[m.id], Snapshot: true, Epoch: epoch})
}

// unknown are the wants for a comment that the owner knows nothing of. A key that only
// the follower has is told of elsewhere.
func (m *mend) unknown() (left []reconcile.Left) {
	for _, w := range m.wants {
		if w.Kind != KindKey || w.What != reconcile.Extra {
			left = append(left, reconcile.Left{Key: w.Key, Why: "the owner has neither the comment nor its tombstone, and was not told its post and author"})
		}
	}
	return left
}

// tombstone is a row of comment_tombstones.
type tombstone struct {
	ID        string
	PostID    string
	AuthorID  string
	Version   int
	DeletedAt time.Time
}

func (t tombstone) toTombstone() contracts.Tombstone {
	return contracts.Tombstone{ID: t.ID, PostID: t.PostID, AuthorID: t.AuthorID, Version: t.Version, DeletedAt: t.DeletedAt.UTC()}
}

// raise locks the row, if it is there, and gives it a version above the follower's
// where that is higher. Under the same lock the event is written, so that it comes in
// its turn.
func raise[R any](tx *gorm.DB, table string, m *mend, done *reconcile.Repaired) (row R, found bool, err error) {
	var versions []int64
	err = tx.Table(table).Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", m.id).Pluck("version", &versions).Error
	if err != nil {
		return row, false, fmt.Errorf("lock the row in %s: %w", table, err)
	}
	if len(versions) == 0 {
		return row, false, nil
	}
	if versions[0] < m.above {
		if err := tx.Table(table).Where("id = ?", m.id).Update("version", m.above+1).Error; err != nil {
			return row, false, fmt.Errorf("raise the version in %s: %w", table, err)
		}
		done.Raised++
	}
	if err := tx.Table(table).Where("id = ?", m.id).Take(&row).Error; err != nil {
		return row, false, fmt.Errorf("select the row in %s: %w", table, err)
	}
	return row, true, nil
}

// buryUnknown makes the tombstone of a comment that the owner never had.
func buryUnknown(tx *gorm.DB, m *mend, done *reconcile.Repaired) (t tombstone, made bool, err error) {
	post, author, _ := strings.Cut(m.about, " ")
	if !contracts.IsID(post) || !contracts.IsID(author) {
		return t, false, nil
	}
	t = tombstone{ID: m.id, PostID: post, AuthorID: author, Version: max(int(m.above)+1, 2), DeletedAt: time.Now().UTC().Truncate(time.Microsecond)}
	if err := tx.Table("comment_tombstones").Create(&t).Error; err != nil {
		return t, false, fmt.Errorf("insert the tombstone: %w", err)
	}
	done.Buried++
	return t, true, nil
}

// resendClosed sends that a post is closed.
func (s *Store) resendClosed(tx *gorm.DB, epoch int64, m *mend) (done reconcile.Repaired, err error) {
	var notes []struct {
		Key      string
		ClosedAt time.Time
	}
	if err := tx.Table("comment_closed_posts").Select("key", "closed_at").Where("post_id = ?", m.id).Find(&notes).Error; err != nil {
		return done, fmt.Errorf("select closed post: %w", err)
	}
	if len(notes) == 0 {
		for _, w := range m.wants {
			done.Left = append(done.Left, reconcile.Left{Key: w.Key, Why: "only the follower has this post closed, and no event opens one: it may go there by hand"})
		}
		return done, nil
	}
	done.Sent = 1
	return done, s.ports.Feed.append(tx, contracts.CommentsClosed{PostID: m.id, Key: notes[0].Key, ClosedAt: notes[0].ClosedAt.UTC(), Snapshot: true, Epoch: epoch})
}
