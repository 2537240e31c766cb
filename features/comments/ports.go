package comments

import (
	"context"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/paging"
)

// UseCases are what can be asked of comments, wherever they are owned: *Service does
// it on the spot, and a host that may not be the owner puts something in between that
// asks the owner. Problems are as for Service; over the network there is also that
// the owner does not answer.
type UseCases interface {
	Write(ctx context.Context, v contracts.Viewer, postID, body string, key contracts.Key) (created contracts.Comment, replayed bool, err error)
	Get(ctx context.Context, v contracts.Viewer, id string) (contracts.Comment, error)
	List(ctx context.Context, v contracts.Viewer, postID string, page paging.Page) (paging.List[contracts.Comment], error)
	Edit(ctx context.Context, v contracts.Viewer, id, body string, version int, key contracts.Key) (updated contracts.Comment, replayed bool, err error)
	Delete(ctx context.Context, v contracts.Viewer, id string, version int) error
	Decide(ctx context.Context, v contracts.Viewer, id string, status contracts.CommentStatus) (contracts.Comment, error)
	CloseUnder(ctx context.Context, postID, key string) error
}

// Effects is what must change in the same breath as a comment, in other features'
// tables. In the tangle one transaction writes all of them; from step 04 on each
// owner does its part in that transaction, by the ports of store; later it hears of
// the comment by an event.
type Effects struct {
	// Reason is why the rules hold the comment back, for the moderators' queue.
	Reason string
	// Notice, if not nil, goes to the post's author.
	Notice *contracts.CommentNotice
}

// Store keeps comments. Implementations pass storetest's suite and are safe for
// concurrent use. The post's number of approved comments follows from each change.
type Store interface {
	// Create adds a comment. With a key by which this author already made one, that
	// one is returned and replayed is true, and no effect is repeated. Problems:
	// NotFound without the post, KeyReused.
	Create(ctx context.Context, c contracts.Comment, e Effects, key contracts.Key) (created contracts.Comment, replayed bool, err error)
	// Get returns a comment, or NotFound.
	Get(ctx context.Context, id string) (contracts.Comment, error)
	// List returns the comments of a post that the viewer may see, oldest first.
	List(ctx context.Context, postID string, v contracts.Viewer, page paging.Page) (paging.List[contracts.Comment], error)
	// Update stores body, HTML and status if the row still has c.Version, and raises
	// it by one; a key as for Create. Problems: NotFound, VersionMismatch, KeyReused.
	Update(ctx context.Context, c contracts.Comment, e Effects, key contracts.Key) (updated contracts.Comment, replayed bool, err error)
	// Delete removes a comment and leaves a tombstone. A version of 0 means whatever
	// it is now. Problems: NotFound, VersionMismatch.
	Delete(ctx context.Context, id string, version int) error
	// CloseUnder deletes all comments under a post, and sees to it that none is made
	// there any more. The key is of who asks; asked again, with any key, nothing more
	// is done. The post need not be there.
	CloseUnder(ctx context.Context, postID, key string) error
	// DeletedBy returns the author of a comment that is deleted, or NotFound.
	DeletedBy(ctx context.Context, id string) (authorID string, err error)
}

// Post is what comments needs to know of a post.
type Post struct {
	ID       string
	Title    string
	AuthorID string
}

// Posts finds the post that is commented on.
type Posts interface {
	// Published returns a post that is there for everyone, or NotFound.
	Published(ctx context.Context, id string) (Post, error)
}

// Moderation says what the rules think of a text.
type Moderation interface {
	Judge(ctx context.Context, text string) (contracts.Verdict, error)
}

// Notifications is told of a comment that is for everyone to see. The comment
// stands whatever it returns.
type Notifications interface {
	CommentApproved(ctx context.Context, n contracts.CommentNotice) error
}
