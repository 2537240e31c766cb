package contracts

import (
	"fmt"
	"time"
)

// CommentsClosed tells that no comment can be written under a post any more, since it
// was deleted, and that its comments are. The owner of comments notes the post's id
// in the transaction that deletes them, and checks it before it takes a new one; the
// note travels, so that a new owner refuses what the old one would have.
type CommentsClosed struct {
	// The post: the aggregate.
	PostID string `json:"post_id" schema:"uuid"`
	// The idempotency key that closed them: the id of the event post.deleted. Asked
	// again, by either side, nothing more is done.
	Key string `json:"key" schema:"text"`
	// When.
	ClosedAt time.Time `json:"closed_at"`
	// True when nothing changed: a repair sends the owner's note.
	Snapshot bool `json:"snapshot,omitempty"`
	// The epoch in which it was minted, from 1.
	Epoch int64 `json:"epoch" schema:"positive"`
}

// EventType is TypeCommentsClosed.
func (CommentsClosed) EventType() string { return TypeCommentsClosed }

// Aggregate is the post's id.
func (e CommentsClosed) Aggregate() string { return e.PostID }

// AggregateVersion is 0: a post is closed once, and stays so.
func (CommentsClosed) AggregateVersion() int { return 0 }

// Validate checks all fields.
func (e CommentsClosed) Validate() error {
	var c checker
	c.id("post_id", e.PostID)
	c.text("key", e.Key)
	c.moment("closed_at", e.ClosedAt)
	c.positive("epoch", e.Epoch)
	return c.err
}

// PostDeleted tells that a post is gone. Comments listens: its handler deletes the
// post's comments through the port, at whoever owns them by then, with this event's
// id as the Idempotency-Key, and is done only when the owner has answered. A deletion
// of a post thus does not wait for the comments service.
type PostDeleted struct {
	// The post: the aggregate.
	ID string `json:"id" schema:"uuid"`
	// Who wrote it.
	AuthorID string `json:"author_id" schema:"uuid"`
	// The version of the deletion: the row's last one and one.
	Version int `json:"version" schema:"positive"`
	// When it was deleted.
	DeletedAt time.Time `json:"deleted_at"`
	// What the writer has done already: a monolith that owns comments deletes them in
	// the same transaction, and says "comments".
	Done []Effect `json:"done,omitempty"`
	// The epoch of the ownership of posts in which it was minted, from 1.
	Epoch int64 `json:"epoch" schema:"positive"`
}

// EventType is TypePostDeleted.
func (PostDeleted) EventType() string { return TypePostDeleted }

// Aggregate is the post's id.
func (e PostDeleted) Aggregate() string { return e.ID }

// AggregateVersion is the deletion's.
func (e PostDeleted) AggregateVersion() int { return e.Version }

// Validate checks all fields.
func (e PostDeleted) Validate() error {
	var c checker
	c.id("id", e.ID)
	c.id("author_id", e.AuthorID)
	c.must(e.Version >= 2, "version", fmt.Sprint(e.Version), "a deletion comes after version 1, and takes the next")
	c.moment("deleted_at", e.DeletedAt)
	c.positive("epoch", e.Epoch)
	return c.err
}

// PartitionSubject is the aggregate of events that are about a whole partition of a
// resource, as "comments/partition/3". They are published to that partition by its
// number, not by their key: their place among its rows' events is what they mean.
func PartitionSubject(resource string, partition int) string {
	return fmt.Sprintf("%s/partition/%d", resource, partition)
}

// CommentsChunk is a part of a backfill: rows that were there before events were, all
// of one partition, in the order of their ids, as one event. It is applied as one
// statement for each table, with the guard of a snapshot (versions equal or newer
// win), so it never overwrites a live change that came first; and a live change that
// comes later is newer. It has no effects.
type CommentsChunk struct {
	// The run of the backfill. A follower whose chunks are of several runs counts the
	// newest one's.
	Backfill string `json:"backfill" schema:"uuid"`
	// The partition whose rows these are.
	Partition int `json:"partition" schema:"count"`
	// How many partitions the topic has: a follower that knows another number must
	// not go on.
	Partitions int `json:"partitions" schema:"positive"`
	// The chunk's number in its partition and run, from 1 without gaps.
	Number int `json:"number" schema:"positive"`
	// The low watermark: all rows up to this id were in chunks before. Absent: from
	// the first id on.
	After string `json:"after,omitempty" schema:"uuid"`
	// The high watermark: the last id that this chunk covers, there or not. Absent in
	// the last chunk: to the last id.
	Through string `json:"through,omitempty" schema:"uuid"`
	// True in the last chunk: when it is applied, and all numbers before it are, the
	// partition's backfill is complete. It may be empty.
	Last bool `json:"last,omitempty"`
	// The comments of the range.
	Rows []CommentState `json:"rows,omitempty"`
	// The keys of these comments and of the deleted ones.
	Keys []CommentKey `json:"keys,omitempty"`
	// The deleted comments of the range, as long as their tombstones are kept.
	Tombstones []Tombstone `json:"tombstones,omitempty"`
	// The posts of the range whose comments are closed.
	Closed []ClosedPost `json:"closed,omitempty"`
	// The epoch in which it was minted, from 1.
	Epoch int64 `json:"epoch" schema:"positive"`
}

// ClosedPost is a note of CommentsClosed, in a chunk.
type ClosedPost struct {
	// The post.
	PostID string `json:"post_id" schema:"uuid"`
	// The idempotency key that closed its comments.
	Key string `json:"key" schema:"text"`
	// When.
	ClosedAt time.Time `json:"closed_at"`
}

// EventType is TypeCommentsChunk.
func (CommentsChunk) EventType() string { return TypeCommentsChunk }

// Aggregate is the partition's subject.
func (e CommentsChunk) Aggregate() string { return PartitionSubject("comments", e.Partition) }

// AggregateVersion is 0: Number is for the follower to count.
func (CommentsChunk) AggregateVersion() int { return 0 }

// Validate checks all fields. That the rows are the partition's is for the follower
// to check, who knows the hash.
func (e CommentsChunk) Validate() error {
	var c checker
	c.id("backfill", e.Backfill)
	checkPartition(&c, e.Partition, e.Partitions)
	c.positive("number", int64(e.Number))
	if e.After != "" {
		c.id("after", e.After)
	}
	if e.Through != "" {
		c.id("through", e.Through)
	}
	c.must(e.Last == (e.Through == ""), "through", e.Through, "say the last id of the range, in all chunks but the last")
	e.checkRows(&c)
	checkKeys(&c, e.Keys, "")
	c.positive("epoch", e.Epoch)
	return c.err
}

// checkRows also holds the rows to their range. UUIDs in lower case sort as the
// database sorts them.
func (e CommentsChunk) checkRows(c *checker) {
	within := func(c *checker, id string) {
		if id <= e.After || e.Through != "" && id > e.Through {
			c.must(false, "id", id, fmt.Sprintf("keep to the range after %q through %q", e.After, e.Through))
		}
	}
	c.each("rows", len(e.Rows), func(c *checker, i int) { e.Rows[i].check(c); within(c, e.Rows[i].ID) })
	c.each("tombstones", len(e.Tombstones), func(c *checker, i int) { e.Tombstones[i].check(c); within(c, e.Tombstones[i].ID) })
	c.each("closed", len(e.Closed), func(c *checker, i int) {
		c.id("post_id", e.Closed[i].PostID)
		c.text("key", e.Closed[i].Key)
		c.moment("closed_at", e.Closed[i].ClosedAt)
	})
}

// DrainMarker is written into every partition by the transaction that fences an
// owner, after all that the owner ever wrote in its epoch: what comes behind it is of
// another. Who is about to take the ownership has everything of a partition when it
// has handled that partition's marker of this epoch, and no dead letter is open.
type DrainMarker struct {
	// What is handed over, as in "comments".
	Resource string `json:"resource" schema:"text"`
	// The side that was fenced, as in "monolith".
	Owner string `json:"owner" schema:"text"`
	// The epoch that was fenced; who takes gets the next. A marker of another epoch
	// says nothing: it is of a hand-over that was given up, or of the way back.
	Epoch int64 `json:"epoch" schema:"positive"`
	// The partition it is in.
	Partition int `json:"partition" schema:"count"`
	// How many there are: so many markers must have been handled.
	Partitions int `json:"partitions" schema:"positive"`
	// When the owner was fenced, by its database's clock: the hold is measured from
	// here.
	FencedAt time.Time `json:"fenced_at"`
}

// EventType is TypeDrainMarker.
func (DrainMarker) EventType() string { return TypeDrainMarker }

// Aggregate is the partition's subject.
func (e DrainMarker) Aggregate() string { return PartitionSubject(e.Resource, e.Partition) }

// AggregateVersion is 0: epochs are no versions.
func (DrainMarker) AggregateVersion() int { return 0 }

// Validate checks all fields.
func (e DrainMarker) Validate() error {
	var c checker
	c.text("resource", e.Resource)
	c.text("owner", e.Owner)
	c.positive("epoch", e.Epoch)
	checkPartition(&c, e.Partition, e.Partitions)
	c.moment("fenced_at", e.FencedAt)
	return c.err
}

func checkPartition(c *checker, partition, partitions int) {
	c.positive("partitions", int64(partitions))
	c.must(partition >= 0 && partition < partitions, "partition", fmt.Sprint(partition), fmt.Sprintf("count from 0, below %d", partitions))
}
