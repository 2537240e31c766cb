package store

import (
	"fmt"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
)

// idRange is a range of ids, after one and through another; the last one has no end.
type idRange struct {
	after   string
	through string // the last id there is in it; "" when there is none
	last    bool
}

// firstID is below all ids.
const firstID = "00000000-0000-0000-0000-000000000000"

func (r idRange) from() string {
	if r.after == "" {
		return firstID
	}
	return r.after
}

// of is the range as a condition on a column: through what was found, also in the
// last range. What appears behind it meanwhile has events.
func (r idRange) of(tx *gorm.DB, column string) *gorm.DB {
	return tx.Where(column+" > ? AND "+column+" <= ?", r.from(), r.through)
}

// nextRange is the range of the next n ids of anything that a backfill carries.
func nextRange(tx *gorm.DB, after string, n int) (idRange, error) {
	r := idRange{after: after}
	var ids []string
	err := tx.Raw(`SELECT id FROM (
			(SELECT id FROM comments WHERE id > @after ORDER BY id LIMIT @n)
			UNION (SELECT id FROM comment_tombstones WHERE id > @after ORDER BY id LIMIT @n)
			UNION (SELECT comment_id FROM comment_keys WHERE comment_id > @after ORDER BY comment_id LIMIT @n)
			UNION (SELECT post_id FROM comment_closed_posts WHERE post_id > @after ORDER BY post_id LIMIT @n)
		) ids ORDER BY id LIMIT @n`, map[string]any{"after": r.from(), "n": n}).Find(&ids).Error
	if err != nil {
		return idRange{}, fmt.Errorf("select the next ids: %w", err)
	}
	r.last = len(ids) < n
	if len(ids) > 0 {
		r.through = ids[len(ids)-1]
	}
	return r, r.shorten(tx)
}

// maxRead bounds what is read of a range, in bytes of text: comments may be long.
const maxRead = 8 << 20

// shorten ends the range where its texts become too much. How far they reach is asked
// for without reading them.
func (r *idRange) shorten(tx *gorm.DB) error {
	if r.through == "" {
		return nil
	}
	var cut []string
	err := tx.Raw(`SELECT id FROM (SELECT id, sum(octet_length(body) + octet_length(html)) OVER (ORDER BY id) AS bytes
		FROM comments WHERE id > ? AND id <= ?) c WHERE bytes > ? ORDER BY id LIMIT 1`, r.from(), r.through, maxRead).Find(&cut).Error
	if err != nil {
		return fmt.Errorf("measure the comments of a range: %w", err)
	}
	if len(cut) > 0 && cut[0] < r.through {
		r.through, r.last = cut[0], false
	}
	return nil
}

// readEntries reads all that there is in the range. Rows are read before tombstones: a comment that is deleted in
// between is found as both, and the tombstone wins; the other way round it would be
// neither.
func readEntries(tx *gorm.DB, r idRange) (entries, error) {
	if r.through == "" {
		return nil, nil
	}
	all := entries{}
	var rows []comment
	if err := r.of(tx, "id").Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("select comments: %w", err)
	}
	for _, row := range rows {
		state := contracts.StateOf(row.toComment())
		all.of(row.ID).row = &state
	}
	var graves []contracts.Tombstone
	if err := r.of(tx.Table("comment_tombstones"), "id").Select("id, post_id, author_id, version, deleted_at").Find(&graves).Error; err != nil {
		return nil, fmt.Errorf("select tombstones: %w", err)
	}
	for _, g := range graves {
		g.DeletedAt = g.DeletedAt.UTC()
		all.of(g.ID).grave = &g
	}
	var keys []keyRow
	if err := r.of(tx.Table("comment_keys"), "comment_id").Select("author_id, key, hash, comment_id, created_at").Order("created_at").Find(&keys).Error; err != nil {
		return nil, fmt.Errorf("select keys: %w", err)
	}
	for _, k := range keys {
		e := all.of(k.CommentID)
		e.keys = append(e.keys, k.toKey())
	}
	var closed []struct {
		PostID, Key string
		ClosedAt    time.Time
	}
	if err := r.of(tx.Table("comment_closed_posts"), "post_id").Select("post_id, key, closed_at").Find(&closed).Error; err != nil {
		return nil, fmt.Errorf("select closed posts: %w", err)
	}
	for _, c := range closed {
		all.of(c.PostID).closed = &contracts.ClosedPost{PostID: c.PostID, Key: c.Key, ClosedAt: c.ClosedAt.UTC()}
	}
	return all, nil
}
