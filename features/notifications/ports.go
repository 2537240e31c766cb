package notifications

import (
	"context"
	"errors"
	"time"

	"banyan.dev/features/contracts"
	"banyan.dev/platform/paging"
)

// PostRef names the post that a notification is about.
type PostRef struct {
	ID    string `json:"id"`
	Title string `json:"title"`
}

// Notification is one thing that a person is told.
type Notification struct {
	ID        string           `json:"id"`
	Kind      string           `json:"kind"` // comment
	Post      PostRef          `json:"post"`
	CommentID string           `json:"comment_id"`
	Actor     contracts.Person `json:"actor"`
	CreatedAt time.Time        `json:"created_at"`
	ReadAt    *time.Time       `json:"read_at,omitempty"`
}

// Store keeps notifications. They are written with the comment they tell of: see
// comments.Effects. Implementations pass storetest's suite and are safe for
// concurrent use.
type Store interface {
	// List returns the user's notifications, newest first.
	List(ctx context.Context, userID string, page paging.Page) (paging.List[Notification], error)
	// Unread returns how many the user has not read.
	Unread(ctx context.Context, userID string) (int, error)
	// Since returns the user's notifications with an id after that one, oldest first,
	// at most limit.
	Since(ctx context.Context, userID, id string, limit int) ([]Notification, error)
	// MarkRead notes that the user read one, or is NotFound. Once is enough: a second
	// time changes nothing.
	MarkRead(ctx context.Context, userID, id string, at time.Time) error
	// MarkAllRead notes that the user read all that there are.
	MarkAllRead(ctx context.Context, userID string, at time.Time) error
}

// Recipient is who a mail goes to.
type Recipient struct {
	Name  string
	Email string
}

// Accounts knows people's addresses.
type Accounts interface {
	// Recipient returns the address of an account, or NotFound.
	Recipient(ctx context.Context, userID string) (Recipient, error)
}

// Mail is one message in plain text.
type Mail struct {
	// ID makes the Message-ID: a mail that is sent again under the same one can be told
	// as a repetition. Empty: it gets one of its own.
	ID      string
	To      Recipient
	Subject string
	Text    string
}

// ErrRefused is a mail that the server will never take, such as one to an address that
// does not exist: no retry mends it.
var ErrRefused = errors.New("the mail server refuses the mail for good")

// Mailer hands a mail to a mail server, and returns when that has taken it. Errors: an
// ErrRefused; any other may pass.
type Mailer interface {
	Send(ctx context.Context, m Mail) error
}
