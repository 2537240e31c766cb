package ledger

import "time"

// Kind says what a write does.
type Kind string

// The writes that users make.
const (
	CreatePost    Kind = "create post"
	EditPost      Kind = "edit post"
	PublishPost   Kind = "publish post"
	DeletePost    Kind = "delete post"
	CreateComment Kind = "create comment"
	EditComment   Kind = "edit comment"
	DeleteComment Kind = "delete comment"
)

// Outcome is what the writer knows about a write.
type Outcome string

// A write is invoked first and settles once, or never.
const (
	Invoked Outcome = "invoke"
	OK      Outcome = "ok"
	Failed  Outcome = "fail"    // refused for certain: it must not have happened
	Unknown Outcome = "unknown" // no answer: it may have happened, once
)

// Op is one write. A user makes one write at a time, and only its author writes to an aggregate (a post or a
// comment), so the order of the operation numbers is the order of the writes of an aggregate.
type Op struct {
	ID        int64     `json:"op"`
	Kind      Kind      `json:"kind"`
	User      string    `json:"user"`
	Window    string    `json:"window"`
	Aggregate string    `json:"aggregate,omitempty"` // id of the post or comment; a creation learns it from its answer
	Parent    string    `json:"parent,omitempty"`    // the post a comment hangs on
	Marker    string    `json:"marker,omitempty"`    // unique in the text written; empty for publish and delete
	Version   int64     `json:"version,omitempty"`   // as answered
	Outcome   Outcome   `json:"outcome"`
	Invoked   time.Time `json:"invoked"`
	Settled   time.Time `json:"settled,omitzero"`
	Unseen    string    `json:"unseen,omitempty"` // why the writer's own next read did not show it
}

// Type is what the write is about.
func (k Kind) Type() Type {
	switch k {
	case CreateComment, EditComment, DeleteComment:
		return Comment
	default:
		return Post
	}
}

func (k Kind) deletes() bool { return k == DeletePost || k == DeleteComment }
func (k Kind) creates() bool { return k == CreatePost || k == CreateComment }
