package comments

import "banyan.dev/features/contracts"

// Arrangement says who does what follows from a change, as the events of a host tell
// it: see contracts.CommentEffects.
type Arrangement struct {
	// Done are the effects that the writer does itself.
	Done []contracts.Effect
	// Left are those that it leaves to the monolith's inbox.
	Left []contracts.Effect
}

// Changed is the event of a comment that was written, edited or judged; was is its
// status before, "" for a new one. keys are all of the comment's.
func (a Arrangement) Changed(c contracts.Comment, was contracts.CommentStatus, e Effects, keys []contracts.CommentKey, epoch int64) contracts.CommentChanged {
	return contracts.CommentChanged{
		CommentState: contracts.StateOf(c), Keys: keys, Epoch: epoch,
		Effects: contracts.CommentEffects{Done: a.Done, Left: a.Left, Was: was, Reason: e.Reason, Notice: contracts.NoticeOf(e.Notice)},
	}
}

// Deleted is the event of a comment that is gone; was is the status that it had.
func (a Arrangement) Deleted(t contracts.Tombstone, was contracts.CommentStatus, keys []contracts.CommentKey, epoch int64) contracts.CommentDeleted {
	return contracts.CommentDeleted{
		Tombstone: t, Keys: keys, Epoch: epoch,
		Effects: contracts.CommentEffects{Done: a.Done, Left: a.Left, Was: was},
	}
}
