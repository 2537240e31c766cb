package store

import (
	"fmt"
	"hash/fnv"
	"time"

	"gorm.io/gorm"

	"banyan.dev/features/contracts"
)

// postLock is the advisory lock of what may be written under a post: shared by who
// makes a comment, exclusive for who closes the post. The post's row is no lock for
// it: it may be in another database, or gone.
func postLock(postID string) int64 {
	h := fnv.New64a()
	h.Write([]byte("banyan.comments/post/" + postID))
	return int64(h.Sum64())
}

// holdOpen lets nobody close the post until the transaction ends. Whether it is closed
// already, is for a later statement than the lock's (insert): one statement would see
// what was committed before it waited. The lock goes round gorm: it is no statement over
// a table.
func holdOpen(tx *gorm.DB, postID string) error {
	_, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, "SELECT pg_advisory_xact_lock_shared($1)", postLock(postID))
	if err != nil {
		return fmt.Errorf("hold the post open: %w", err)
	}
	return nil
}

// closePost waits for those who make a comment under the post, and lets no other
// begin. It returns nil when the post was closed before.
func closePost(tx *gorm.DB, postID, key string) (*contracts.ClosedPost, error) {
	_, err := tx.Statement.ConnPool.ExecContext(tx.Statement.Context, "SELECT pg_advisory_xact_lock($1)", postLock(postID))
	if err != nil {
		return nil, fmt.Errorf("lock out who comments on the post: %w", err)
	}
	var at []time.Time
	err = tx.Raw(`INSERT INTO comment_closed_posts (post_id, key) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING closed_at`, postID, key).Find(&at).Error
	if err != nil {
		return nil, fmt.Errorf("note that the post is closed: %w", err)
	}
	if len(at) == 0 {
		return nil, nil
	}
	return &contracts.ClosedPost{PostID: postID, Key: key, ClosedAt: at[0].UTC()}, nil
}
