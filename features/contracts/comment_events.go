package contracts

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Values are the statuses that there are.
func (CommentStatus) Values() []CommentStatus { return []CommentStatus{Pending, Approved, Rejected} }

// CommentState is a comment's row, whole.
type CommentState struct {
	// The comment's id: the aggregate.
	ID string `json:"id" schema:"uuid"`
	// The post that it stands under; it never changes.
	PostID string `json:"post_id" schema:"uuid"`
	// The account that wrote it; it never changes.
	AuthorID string `json:"author_id" schema:"uuid"`
	// The author's name when the event was minted. Empty where the writer does not
	// know it, as in a backfill: accounts own names.
	AuthorName string `json:"author_name,omitempty"`
	// The text as it was written.
	Body string `json:"body" schema:"text"`
	// The text as it is shown.
	HTML string `json:"html"`
	// What moderation says of it.
	Status CommentStatus `json:"status"`
	// The row's version, from 1, raised by one with each change; a deletion takes the
	// next one. It alone decides whether a follower applies an event.
	Version int `json:"version" schema:"positive"`
	// When it was written.
	CreatedAt time.Time `json:"created_at"`
	// When it was last changed.
	UpdatedAt time.Time `json:"updated_at"`
}

// StateOf is the row of a comment.
func StateOf(c Comment) CommentState {
	return CommentState{
		ID: c.ID, PostID: c.PostID, AuthorID: c.Author.ID, AuthorName: c.Author.Name, Body: c.Body, HTML: c.HTML,
		Status: c.Status, Version: c.Version, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
}

// Comment is the comment that the row says.
func (s CommentState) Comment() Comment {
	return Comment{
		ID: s.ID, PostID: s.PostID, Author: Person{ID: s.AuthorID, Name: s.AuthorName}, Body: s.Body, HTML: s.HTML,
		Status: s.Status, Version: s.Version, CreatedAt: s.CreatedAt.UTC(), UpdatedAt: s.UpdatedAt.UTC(),
	}
}

func (s CommentState) check(c *checker) {
	c.id("id", s.ID)
	c.id("post_id", s.PostID)
	c.id("author_id", s.AuthorID)
	c.text("body", s.Body)
	oneOf(c, "status", s.Status, s.Status.Values())
	c.positive("version", int64(s.Version))
	c.moment("created_at", s.CreatedAt)
	c.moment("updated_at", s.UpdatedAt)
}

// CommentKey is an idempotency key that a write of a comment was asked for with. Keys
// travel: a client that lost its answer before a hand-over asks again after it, at
// the other side, and must not write twice (Handover.tla, KeysTravel).
type CommentKey struct {
	// The comment that the key stands for, deleted or not.
	CommentID string `json:"comment_id" schema:"uuid"`
	// Who used the key: two people may use the same one.
	AuthorID string `json:"author_id" schema:"uuid"`
	// The client's Idempotency-Key, 1 to 128 bytes.
	Key string `json:"key" schema:"text"`
	// SHA-256 of what was asked for, in lower-case hexadecimal digits: the same key
	// for another request is refused on both sides.
	Hash string `json:"hash" schema:"hash"`
	// When it was first used, so that both sides forget it at the same time.
	CreatedAt time.Time `json:"created_at"`
}

// HexHash is how a key's hash is written.
func HexHash(hash [sha256.Size]byte) string { return hex.EncodeToString(hash[:]) }

// HashBytes is the hash as it is stored. The event was checked when it was read.
func (k CommentKey) HashBytes() []byte {
	hash, _ := hex.DecodeString(k.Hash)
	return hash
}

func (k CommentKey) check(c *checker) {
	c.id("comment_id", k.CommentID)
	c.id("author_id", k.AuthorID)
	c.must(k.Key != "" && len(k.Key) <= 128, "key", k.Key, "write 1 to 128 bytes")
	c.must(len(k.Hash) == 2*sha256.Size && lowerHex(k.Hash), "hash", k.Hash, "write 64 lower-case hexadecimal digits")
	c.moment("created_at", k.CreatedAt)
}

func checkKeys(c *checker, keys []CommentKey, commentID string) {
	c.each("keys", len(keys), func(c *checker, i int) {
		keys[i].check(c)
		if commentID != "" && keys[i].CommentID != commentID {
			c.must(false, "comment_id", keys[i].CommentID, "carry the keys of this comment only: "+commentID)
		}
	})
}

// CommentChanged tells the state of a comment after it was written, edited or judged,
// whole: the newest is enough, so a follower waits for no gap. It applies a live one
// when its version is above the row's (or the tombstone's), a snapshot also when it
// is equal. Whatever it does with the row, it keeps the keys.
//
// It is minted once, by the owner of the write, in the transaction that wrote the
// row; applying one never makes another.
type CommentChanged struct {
	CommentState
	// All keys that this comment was written with so far, not the last one only: the
	// event that carried another may be one that the follower never applied.
	Keys []CommentKey `json:"keys,omitempty"`
	// What the change does to other features, and who does it.
	Effects CommentEffects `json:"effects"`
	// True when nothing changed: a repair sends the owner's row as it is. It has no
	// effects, and replaces a row of the same version, since the owner's content is
	// the truth.
	Snapshot bool `json:"snapshot,omitempty"`
	// The epoch of ownership in which it was minted, from 1. Versions decide what is
	// applied; the epoch says, when two sides are compared, whose write it was.
	Epoch int64 `json:"epoch" schema:"positive"`
}

// EventType is TypeCommentChanged.
func (CommentChanged) EventType() string { return TypeCommentChanged }

// Aggregate is the comment's id.
func (e CommentChanged) Aggregate() string { return e.ID }

// AggregateVersion is the comment's.
func (e CommentChanged) AggregateVersion() int { return e.Version }

// Validate checks all fields.
func (e CommentChanged) Validate() error {
	var c checker
	e.CommentState.check(&c)
	checkKeys(&c, e.Keys, e.ID)
	e.Effects.check(&c, e.Snapshot)
	c.positive("epoch", e.Epoch)
	return c.err
}

// Notice is what a post's author is told of the comment; false when nobody is.
func (e CommentChanged) Notice() (CommentNotice, bool) {
	n := e.Effects.Notice
	if n == nil {
		return CommentNotice{}, false
	}
	return CommentNotice{
		PostID: e.PostID, PostTitle: n.PostTitle, CommentID: e.ID, Excerpt: n.Excerpt,
		Actor: Person{ID: e.AuthorID, Name: e.AuthorName}, To: n.To,
	}, true
}

// Tombstone is what stays of a deleted comment. It stays as long as the topic keeps
// events: else an old one, read again, would bring the row back.
type Tombstone struct {
	// The comment's id.
	ID string `json:"id" schema:"uuid"`
	// The post that it stood under.
	PostID string `json:"post_id" schema:"uuid"`
	// Who wrote it: a deletion asked for again is answered to them only.
	AuthorID string `json:"author_id" schema:"uuid"`
	// The version of the deletion: the row's last one and one.
	Version int `json:"version" schema:"positive"`
	// When it was deleted.
	DeletedAt time.Time `json:"deleted_at"`
}

func (t Tombstone) check(c *checker) {
	c.id("id", t.ID)
	c.id("post_id", t.PostID)
	c.id("author_id", t.AuthorID)
	c.must(t.Version >= 2, "version", fmt.Sprint(t.Version), "a deletion comes after version 1, and takes the next")
	c.moment("deleted_at", t.DeletedAt)
}

// CommentDeleted tells that a comment is gone. A deletion is a version too: what is
// said of CommentChanged holds, and the tombstone takes the place of the row.
type CommentDeleted struct {
	Tombstone
	// All keys of the comment: a write that is asked for again must find that it was
	// done, and what it made deleted since.
	Keys []CommentKey `json:"keys,omitempty"`
	// What the deletion does to other features, and who does it.
	Effects CommentEffects `json:"effects"`
	// True when nothing changed: a repair sends the owner's tombstone.
	Snapshot bool `json:"snapshot,omitempty"`
	// The epoch in which it was minted, from 1.
	Epoch int64 `json:"epoch" schema:"positive"`
}

// EventType is TypeCommentDeleted.
func (CommentDeleted) EventType() string { return TypeCommentDeleted }

// Aggregate is the comment's id.
func (e CommentDeleted) Aggregate() string { return e.ID }

// AggregateVersion is the deletion's.
func (e CommentDeleted) AggregateVersion() int { return e.Version }

// Validate checks all fields.
func (e CommentDeleted) Validate() error {
	var c checker
	e.Tombstone.check(&c)
	checkKeys(&c, e.Keys, e.ID)
	e.Effects.check(&c, e.Snapshot)
	c.must(e.Effects.Notice == nil, "effects.notice", "given", "nobody is told of a deletion")
	c.positive("epoch", e.Epoch)
	return c.err
}
